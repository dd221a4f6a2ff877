"""Trials, one after the other: each an ordinary run without its test participants, found again where it was made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.methods import parameters
from petbench.methods.search_space import as_settings, space_of
from petbench.plans.planner import choose_fold, dataset_shape, plan_on
from petbench.runs.execute import execute
from petbench.runs.run_all import noting_requests_to_stop
from petbench.runs.tuning.sampler import Sampler
from petbench_leaderboard.metric_facts import distance_from_best
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench.contract import Budget
    from petbench.plans.planner import Place, Request
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.run_all import MakeRun
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One choice of settings and what came of it.

    Attributes:
        number: its place in the search, from 1; the first has the settings that the method has without a search.
        values: of the parameters that are searched.
        row: of its run; None where the method refuses the settings.
        known: whether its run was there already.
        distance: of its validation score from the best there can be, smaller being better; None where it failed.
        error: why there is no run.
    """

    number: int
    values: dict[str, Any]
    row: RunRow | None
    known: bool = False
    distance: float | None = None
    error: str = ""

    @property
    def settings(self) -> tuple[str, ...]:
        """The values as they are typed after `--set`."""
        return as_settings(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """What is searched.

    Attributes:
        request: of the row that comes of it; its settings are fixed, and its seed is that of the search, too.
        place: dataset, split and fold.
        trials: how many.
        trial_budget: of each trial; None for that of the row.
    """

    request: Request
    place: Place
    trials: int
    trial_budget: Budget | None = None

    @property
    def fixed(self) -> set[str]:
        """The parameters that are not searched since somebody has set them."""
        return {setting.partition("=")[0] for setting in self.request.settings}


class Search:
    """Makes the trials of a search.

    A search that was stopped and is begun again asks for the same settings in the same order, so every trial that is
    on the leaderboard is shown and not repeated, a failed one included.

    Args:
        asked: what is searched.
        supervisor: makes the runs; its `stop_requested` says afterwards whether somebody stopped it.
        make: makes one of them.

    Attributes:
        stopped_in: the run that did not come to an end where the search did not; None where none did not.

    Raises:
        UsageError: the method declares nothing to search, nobody validates, or Optuna is not installed.
    """

    def __init__(self, asked: SearchRequest, supervisor: Supervisor, *, make: MakeRun = execute) -> None:
        self._asked, self._supervisor, self._make = asked, supervisor, make
        spec, _ = supervisor.registry.method(asked.request.method)
        space = space_of(spec, asked.fixed)
        fold = choose_fold(asked.place.split, asked.place.fold)
        if not fold.validation:
            raise UsageError(
                f"nobody validates in fold {asked.place.fold} of the split {asked.place.split.name!r}, and by nobody "
                "else are settings chosen: make a split with validation participants"
            )
        preset = parameters.choose_preset(spec, asked.request.preset, dataset_shape(asked.place.dataset, fold))
        before = parameters.resolve(spec, preset, asked.request.settings, None)
        self._sampler = Sampler(space, asked.request.seed, {name: before[name] for name in space})
        self._by: tuple[str | None, str | None] | None = None
        self.stopped_in: RunRow | None = None

    @property
    def first_plan(self) -> RunPlan:
        """What the trials have in common: the plan of the first, which has the method's own settings."""
        return self._plan(())

    def run(self, ended: Callable[[Trial], object] = lambda _trial: None) -> list[Trial]:
        """Make all trials, and return them; fewer where somebody stopped it, or a run did not come to an end.

        Args:
            ended: called after each.

        Raises:
            PetbenchError: a trial's run is going on elsewhere, or two were validated by different conventions.
        """
        made: list[Trial] = []
        with noting_requests_to_stop(self._supervisor):
            for number in range(1, self._asked.trials + 1):
                if self._supervisor.stop_requested:
                    break
                trial = self._trial(number, self._sampler.ask())
                if trial.row is not None and trial.row.status not in ("ok", *FAILURES):
                    self.stopped_in = trial.row
                    break
                self._sampler.tell(trial.distance)
                made.append(trial)
                ended(trial)
        return made

    def _trial(self, number: int, values: dict[str, Any]) -> Trial:
        try:
            plan = self._plan(as_settings(values))
        except UsageError as error:
            return Trial(number=number, values=values, row=None, error=str(error))
        failed = self._failed_before(plan)
        row, known = (failed, True) if failed is not None else self._make(plan, self._supervisor)
        return Trial(number=number, values=values, row=row, known=known, distance=self._distance(row))

    def _plan(self, settings: Sequence[str]) -> RunPlan:
        request = self._asked.request
        own = {} if self._asked.trial_budget is None else {"budget": self._asked.trial_budget, "track": None}
        changed = dataclasses.replace(
            request,
            settings=(*request.settings, *settings),
            purpose="trial",
            **own,  # type: ignore[arg-type]
        )
        return plan_on(changed, self._asked.place, self._supervisor.registry)

    def _failed_before(self, plan: RunPlan) -> RunRow | None:
        """Return the same run where it has failed: that counts, and is not tried until it comes out better."""
        found = self._supervisor.leaderboard.find(plan.identity, plan.task_definition, verification="own")
        newest = next(iter(found), None)
        return newest if newest is not None and newest.status in FAILURES else None

    def _distance(self, row: RunRow) -> float | None:
        """Return how far a run's validation score is from the best; None where it has none.

        Raises:
            UsageError: earlier trials were scored by another convention.
        """
        if row.status != "ok" or row.validation_score is None:
            return None
        by = (row.validation_metric, row.validation_convention)
        self._by = self._by or by
        if by != self._by:
            raise UsageError(
                f"run {row.id} was validated by {by[1]}, and trials before it by {self._by[1]}: numbers of two "
                "conventions compare with nothing; petbench score --runs all scores all of them again"
            )
        metric = next(each for each in self._supervisor.registry.metrics() if each.name == by[0])
        return distance_from_best(row.validation_score, metric.higher_is_better, metric.best_value)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial that did best on validation, of equal ones the first; None where all failed."""
    ended = [trial for trial in trials if trial.distance is not None]
    return min(ended, key=lambda trial: (trial.distance, trial.number), default=None)


def cost_of(trials: Sequence[Trial], seed: int) -> Tuning:
    """Return what a search came to; of settings that were tried twice the run counts once."""
    rows = {trial.row.id: trial.row for trial in trials if trial.row is not None}.values()
    return Tuning(
        trials=len(trials),
        failed=sum(trial.distance is None for trial in trials),
        images=sum(row.images_seen or 0 for row in rows),
        seconds=sum(row.train_seconds or 0.0 for row in rows),
        budget=next((row.budget for row in rows), ""),
        seed=seed,
    )
