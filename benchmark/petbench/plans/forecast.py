"""One planned run against the leaderboard: there already, missing, or there in a form that no longer counts."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from petbench.plans.run_plan import IDENTITY_FIELDS, is_all_of
from petbench_leaderboard.same_run import is_same_task
from petbench_leaderboard.timing.hardware import processes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.records import PlannedRun, RunRow
    from petbench_leaderboard.store import Leaderboard

State = Literal["cached", "trained", "missing", "stale", "running", "interrupted", "failed", "skipped"]

#: What the user does not choose: a run that differs in one of these is out of date, not another run.
_OUTDATING = {
    "distribution": "the plugin's package",
    "version": "the plugin's version",
    "source_hash": "the plugin's code",
    "fingerprint": "the dataset's images",
    "split_digest": "the split",
    "protocol": "the protocol",
}
_OF_CHANGED_TASK = "what the task asks or decides: changed under its version; give it a new one, or run with --force"
#: Parameters that do not change how long an image takes in training.
_NO_SIZE = frozenset(
    {"images", "learning_rate", "decay_start", "validations", "selection", "patience", "patience_tolerance"}
)
_STATES: dict[str, State] = {
    "ok": "cached",
    "planned": "running",
    "running": "running",
    "interrupted": "interrupted",
}


@dataclass(frozen=True, slots=True)
class RunForecast:
    """What a plan meets on the leaderboard.

    Attributes:
        plan: of the run.
        state: `cached` is shown and not repeated; `trained` was run without its test participants or their samples, or
            with other views, which are predicted with the model that is there; `interrupted` is resumed; `skipped` is
            not run, since the dataset has not got what the method needs; all others are run.
        run: the row that the state is read from.
        why: what has changed since, for `stale`; how it ended, for a failure; what is missing, for `skipped`.
        seconds: expected to be spent; 0 for a cached or skipped run, None where no past run is like it.
    """

    plan: RunPlan
    state: State
    run: int | None = None
    why: tuple[str, ...] = ()
    seconds: float | None = None


def forecast(plans: Sequence[RunPlan], leaderboard: Leaderboard) -> list[RunForecast]:
    """Return for each plan, in their order, what is on the leaderboard already and what the rest may take."""
    past = {method: _Past.of(method, leaderboard) for method in dict.fromkeys(plan.method for plan in plans)}
    return [_forecast_one(plan, past[plan.method]) for plan in plans]


@dataclass(frozen=True, slots=True)
class _Past:
    """One's own runs of one method: all, those that ended well, and what some of these took beside their steps."""

    rows: Sequence[RunRow]
    finished: Sequence[RunRow]
    overheads: Mapping[int, float]
    warm_ups: Mapping[int, float]

    @classmethod
    def of(cls, method: str, leaderboard: Leaderboard) -> _Past:
        # What somebody sent is not repeated here, and says nothing of how long it takes here.
        rows = [row for row in leaderboard.runs(method=method) if row.verification == "own"]
        finished = [row for row in rows if row.status == "ok"]
        phases = {row.id: leaderboard.phases(row.id) for row in finished[:50]}
        overheads = {
            run: _seconds(each for each in found if each.phase not in ("train", "warm-up"))
            for run, found in phases.items()
        }
        warm_ups = {run: _seconds(each for each in found if each.phase == "warm-up") for run, found in phases.items()}
        return cls(rows, finished, overheads, warm_ups)


def _forecast_one(plan: RunPlan, past: _Past) -> RunForecast:
    seconds = _expected(plan, past)
    of_identity = [row for row in past.rows if row.identity == plan.identity]
    same = [row for row in of_identity if is_same_task(row.task_definition, plan.task_definition)]
    if of_identity and not same:
        return RunForecast(plan, "stale", of_identity[0].id, (_OF_CHANGED_TASK,), seconds)
    for row in same:  # a run that ended well counts whatever a repetition came to
        if row.status == "ok" and is_all_of(plan, row):
            return RunForecast(plan, "cached", row.id, (), 0.0)
    for row in same:  # its model is there, and its test participants are not predicted
        if row.status == "ok":
            left = None if seconds is None else max(0.0, seconds - (row.train_seconds or 0.0))
            return RunForecast(plan, "trained", row.id, (), left)
    others = set(plan.identities_of_its_training)
    of_others = (row for row in past.finished if row.identity in others)
    trained = next((row for row in of_others if is_same_task(row.task_definition, plan.task_definition)), None)
    if trained is not None and not same and not plan.declined:
        left = None if seconds is None else max(0.0, seconds - (trained.train_seconds or 0.0))
        return RunForecast(plan, "trained", trained.id, (f"the model of {views(trained)}",), left)
    if plan.declined:
        return RunForecast(plan, "skipped", same[0].id if same else None, (plan.declined,), 0.0)
    same = [row for row in same if row.status != "skipped"]
    if same:
        state = _STATES.get(same[0].status, "failed")
        why = (f"{same[0].status}: {same[0].error_message or 'no message'}",) if state == "failed" else ()
        return RunForecast(plan, state, same[0].id, why, seconds)
    nearest = _nearest(plan, past.finished)
    if nearest is not None and (changes := _changes(plan, nearest)).keys() & _OUTDATING.keys():
        return RunForecast(plan, "stale", nearest.id, tuple(changes.values()), seconds)
    return RunForecast(plan, "missing", None, (), seconds)


def views(run: PlannedRun) -> str:
    """Return how many views of a scan a run predicts, in words."""
    return f"{run.views} views" if run.views > 1 else "one view"


def _nearest(plan: RunPlan, finished: Sequence[RunRow]) -> RunRow | None:
    """Return the newest run for the same dataset, split, fold and seed, of those that differ least from the plan."""
    place = ("dataset", "split", "fold", "seed")
    rivals = [row for row in finished if all(getattr(row, name) == getattr(plan, name) for name in place)]
    return min(rivals, key=lambda row: (len(_changes(plan, row)), -row.id), default=None)


def _changes(plan: RunPlan, row: RunRow) -> dict[str, str]:
    """Return what differs between a plan and a row, each part of the identity in words."""
    facts = plan.to_dict()
    found: dict[str, str] = {}
    for name in IDENTITY_FIELDS:
        now, before = facts[name], getattr(row, name)
        if name == "parameters":
            found |= {f"{key}": f"{key} {old} → {new}" for key, old, new in _changed_parameters(dict(before), now)}
        elif now != before:
            label = _OUTDATING.get(name, name)
            short = isinstance(now, str) and len(now) == 64
            found[name] = f"{label}: changed" if short else f"{label}: {before} → {now}"
    return found


def _changed_parameters(before: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    names = sorted(before.keys() | now.keys())
    return [
        (name, before.get(name, "none"), now.get(name, "none")) for name in names if before.get(name) != now.get(name)
    ]


def _expected(plan: RunPlan, past: _Past) -> float | None:
    """Return the seconds that past runs of the same size lead one to expect; the budget may differ.

    A budget in seconds holds the warm-up, and so do the seconds of a training; images per second do not. A training
    that ends when validation no longer improves is expected to take what others by the same rule took; of the first one
    there is only the most that it can take.
    """
    wanted = _size(plan.parameters)
    alike = [row for row in past.finished if row.id in past.overheads and _size(row.parameters) == wanted]
    alike = [row for row in alike if processes_of(row) == plan.processes]
    alike = [row for row in alike if row.dataset == plan.dataset] or alike
    alike = [row for row in alike if row.purpose == plan.purpose] or alike
    if not alike:
        return None
    overhead = statistics.median(past.overheads[row.id] for row in alike)
    budget = plan.training_budget
    if budget.seconds is not None:
        return overhead + budget.seconds
    patient = [row for row in alike if plan.parameters.get("patience") and _rule(row) == _rule(plan)]
    rates = [row.images_per_second for row in alike if row.images_per_second]
    trained = [row.train_seconds for row in patient or alike if row.train_seconds is not None]
    if budget.images and rates and not patient:
        warm_up = statistics.median(past.warm_ups[row.id] for row in alike)
        return overhead + warm_up + budget.images / statistics.median(rates)
    return overhead + (statistics.median(trained) if trained else 0.0)


def _size(parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(parameters).items() if name not in _NO_SIZE}


def _rule(run: PlannedRun) -> tuple[object, ...]:
    """Return what ends a training before its budget."""
    return (run.budget, *(run.parameters.get(name) for name in ("patience", "patience_tolerance", "validations")))


def _seconds(phases: Iterable[PhaseRow]) -> float:
    return sum(phase.seconds for phase in phases)
