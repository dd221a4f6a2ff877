"""What became of each run on its way to the target: it arrived, it did not, or nobody knows, with the reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from petbench_leaderboard.records import EXTERNAL, FAILURES
from petbench_leaderboard.statistics.time_to_target import seconds_to_target
from petbench_leaderboard.validation_history import history_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench_leaderboard.records import RunRow

FIRST_PROTOCOL = 2
"""The first protocol under which the clock of a training stands still in validation."""

SMALLEST_SECONDS = 0.001
"""What a run's log resolves: ratios of times need times above 0."""

NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one run fared.

    Attributes:
        run: which.
        seconds: of training until its validation error was first as low as the target; infinite where it never was, and
            where nobody knows.
        why: what else is to be said: how a run failed, or why nobody knows; empty for one that trained to its end.
        known: whether anybody knows.
    """

    run: RunRow
    seconds: float
    why: str = ""
    known: bool = True

    @property
    def arrived(self) -> bool:
        """Whether the run was ever as good as the target."""
        return self.seconds < NEVER


def outcome_of(run: RunRow, target_suv: float) -> Outcome:
    """Return how a run fared; one that failed does not arrive, whatever it had reached before.

    Args:
        run: one that has ended.
        target_suv: the validation error that is good enough.
    """
    unknown = why_unknown(run)
    if unknown:
        return Outcome(run=run, seconds=NEVER, why=unknown, known=False)
    if run.status in FAILURES:
        return Outcome(run=run, seconds=NEVER, why=run.status)
    history = history_of(run)
    found = seconds_to_target(history.points if history else (), target_suv)
    return Outcome(run=run, seconds=NEVER if found is None else max(found, SMALLEST_SECONDS))


def why_unknown(run: RunRow) -> str:
    """Return why nobody knows when a run was how good; empty where it is known."""
    if run.plugin == EXTERNAL:
        return "trained by another program"
    if run.verification == "self-reported":
        return "self-reported"
    if not run.trained_here:
        return "submitted, not trained here"
    if run.protocol < FIRST_PROTOCOL:
        return f"before protocol {FIRST_PROTOCOL}"
    if run.status in FAILURES:
        return ""
    history = history_of(run)
    if history is None:
        return "history not noted, petbench score --runs all reads it"
    return "" if history.seconds else "no validation"


def has_ended(run: RunRow) -> bool:
    """Return whether a run ended, well or not: one that was stopped, goes on or was not to be tested is no result."""
    return run.is_tested or run.status in FAILURES


def newest_runs(runs: Iterable[RunRow]) -> list[RunRow]:
    """Return one run of each seed and fold, of runs that ended: the newest that ended well, else that failed."""
    newest: dict[tuple[int, int], RunRow] = {}
    for run in sorted(runs, key=lambda run: (run.status == "ok", run.id)):
        newest[run.fold, run.seed] = run
    return [newest[place] for place in sorted(newest)]


def median_seconds(outcomes: Sequence[Outcome]) -> float:
    """Return the median time of some runs; infinite unless more than half of them arrive. None of them is left out."""
    return median(each.seconds for each in outcomes)


def by_fold(outcomes: Iterable[Outcome]) -> dict[int, list[Outcome]]:
    """Return the outcomes of each fold."""
    found: dict[int, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        found[each.run.fold].append(each)
    return dict(found)
