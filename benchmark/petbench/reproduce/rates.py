"""Which learning rate a method is compared at: the best of the grid on the validation participants.

Nothing here can look at test participants: of a run it is given the row alone, which holds one number of its validation
participants and no score of anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench_leaderboard.metric_facts import distance_from_best
from petbench_leaderboard.records import FAILURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.metric_spec import MetricSpec
    from petbench_leaderboard.records import RunRow


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate of the grid.

    Attributes:
        rate: the learning rate.
        runs: the newest run of each fold, as far as there are any.
        score: mean over the folds of the runs' validation scores; None until all folds have one.
        state: `ok`, how a run failed, or `missing`.
    """

    rate: float
    runs: tuple[RunRow, ...]
    score: float | None
    state: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left to be run."""
        return self.state != "missing"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the grid says of one method.

    Attributes:
        method: which.
        trials: one for each rate, in the order of the grid.
        metric: what the validation score is; None where no run has one yet.
        rate: the best; None while a rate is missing, and where every one failed.
    """

    method: str
    trials: tuple[Trial, ...]
    metric: MetricSpec | None
    rate: float | None

    @property
    def is_decided(self) -> bool:
        """Whether all runs of the grid have ended."""
        return all(trial.has_ended for trial in self.trials)


def choose_rate(
    method: str, runs: Mapping[float, Sequence[RunRow]], folds: int, metrics: Sequence[MetricSpec]
) -> Choice:
    """Choose a method's learning rate on validation; of equal scores the first in the grid's order.

    A rate with a run that failed or diverged has no score and is not chosen. Nothing is chosen before all have ended.

    Args:
        method: which.
        runs: by rate, in the order of the grid: the run of each fold, as far as there is one.
        folds: how many runs each rate has.
        metrics: the installed ones, which know their directions.

    Raises:
        PetbenchError: a run has no validation score, or two have scores that cannot be compared.
    """
    metric = _metric([run for of_rate in runs.values() for run in of_rate if run.status == "ok"], metrics)
    trials = tuple(_trial(rate, of_rate, folds) for rate, of_rate in runs.items())
    choice = Choice(method, trials, metric, None)
    if not choice.is_decided or metric is None:
        return choice
    distances = {trial.rate: _distance(trial.score, metric) for trial in trials if trial.score is not None}
    return Choice(method, trials, metric, min(distances, key=distances.__getitem__, default=None))


def _trial(rate: float, runs: Sequence[RunRow], folds: int) -> Trial:
    failed = [run.status for run in runs if run.status in FAILURES]
    scores = [run.validation_score for run in runs if run.status == "ok" and run.validation_score is not None]
    if failed:
        return Trial(rate, tuple(runs), None, failed[0])
    if len(scores) < folds:
        return Trial(rate, tuple(runs), None, "missing")
    return Trial(rate, tuple(runs), fmean(scores), "ok")


def _metric(runs: Sequence[RunRow], metrics: Sequence[MetricSpec]) -> MetricSpec | None:
    """Return what the runs' validation scores are."""
    if not runs:
        return None
    without = next((run for run in runs if run.validation_score is None), None)
    if without is not None:
        raise PetbenchError(
            f"run {without.id} ({without.method} on {without.dataset}, split {without.split}, fold {without.fold}) has "
            "no validation score, and a learning rate is chosen on nothing else; name a split whose folds have "
            "validation participants, or score the run again: petbench score --runs"
        )
    conventions = sorted({str(run.validation_convention) for run in runs})
    known = [metric for metric in metrics if metric.convention_id == conventions[0]]
    if len(conventions) > 1 or not known:
        raise PetbenchError(
            f"the validation scores of {runs[0].method} are of {' and '.join(conventions)}: not one metric that is "
            "installed here; score the runs again: petbench score --runs"
        )
    return known[0]


def _distance(score: float, metric: MetricSpec) -> float:
    """Return a number that is smaller the better a validation score is.

    Raises:
        PetbenchError: the metric orders nothing.
    """
    found = distance_from_best(score, metric.higher_is_better, metric.best_value)
    if found is None:
        raise PetbenchError(
            f"{metric.name} has neither a direction nor a best value: no learning rate can be chosen by it"
        )
    return found
