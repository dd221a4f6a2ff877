"""Tables of times to the target: one for each board and each hardware, on which alone times compare."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.cached_means import board_key
from petbench_leaderboard.timing.hardware import hardware_of
from petbench_leaderboard.timing.outcomes import (
    NEVER,
    has_ended,
    median_seconds,
    newest_runs,
    outcome_of,
    why_unknown,
)
from petbench_leaderboard.timing.targets import board_of, find_targets, given_targets, reference_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.timing.outcomes import Outcome
    from petbench_leaderboard.timing.targets import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRow:
    """One row of a method.

    Attributes:
        stands: whether the row stands for its method: the one that competes; where none does, the one planned first.
        outcomes: of its runs, fold by fold and seed by seed; those that failed are among them.
    """

    stands: bool
    outcomes: tuple[Outcome, ...]

    @property
    def run(self) -> RunRow:
        """One of the runs, for what they have in common."""
        return self.outcomes[-1].run

    @property
    def arrived(self) -> int:
        """How many runs arrive."""
        return sum(each.arrived for each in self.outcomes)

    @property
    def seconds(self) -> float:
        """The median time; infinite unless more than half of the runs arrive."""
        return median_seconds(self.outcomes)

    @property
    def span(self) -> tuple[float, float]:
        """The shortest and the longest time."""
        times = [each.seconds for each in self.outcomes]
        return min(times), max(times)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTable:
    """The rows of a board that were trained on one hardware, fastest first, variants last.

    Attributes:
        hardware: in words; empty where nobody recorded it.
        targets: fold by fold, of the folds that were run.
        rows: with at least one run of which it is known whether it arrives.
        fastest: the shortest median time of the rows that stand for a method; infinite where none arrives.
    """

    hardware: str
    targets: tuple[Target, ...]
    rows: tuple[TimeRow, ...]
    fastest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTimes:
    """The times of one board.

    Attributes:
        board: which.
        tables: by hardware.
        without: rows of which nothing is known, and why.
        untargeted: folds in which no reference sets a target, so that their runs count nowhere.
    """

    board: Board
    tables: tuple[TimeTable, ...]
    without: tuple[tuple[RunRow, str], ...]
    untargeted: tuple[int, ...]


def board_times(leaderboard: Leaderboard, board: Board, target_suv: float | None = None) -> BoardTimes:
    """Return how long the competing methods of a board trained until they were as good as the target.

    Args:
        leaderboard: where the runs are.
        board: with the rows to look at; runs that failed for good are among its unscored ones.
        target_suv: a validation error that is good enough; None for that of the strongest reference.
    """
    groups = _groups(leaderboard, board)
    stands = _standing(groups, {row.run.run_group for row in board.rows if row.competes})
    folds = sorted({run.fold for runs in groups.values() for run in runs if not why_unknown(run)})
    if target_suv is None:
        targets = find_targets(reference_runs(leaderboard, board), folds)
    else:
        targets = given_targets(target_suv, folds)
    by_hardware: dict[str, list[TimeRow]] = defaultdict(list)
    without: list[tuple[RunRow, str]] = []
    for name, runs in groups.items():
        for hardware, members in _by_hardware(runs).items():
            found = tuple(outcome_of(run, targets[run.fold].suv) for run in members if run.fold in targets)
            if any(each.known for each in found):
                by_hardware[hardware].append(TimeRow(stands=name in stands, outcomes=found))
            elif reasons := _reasons(members):
                without.append((members[-1], reasons))
    return BoardTimes(
        board=board,
        tables=tuple(_table(hardware, rows, targets) for hardware, rows in sorted(by_hardware.items())),
        without=tuple(without),
        untargeted=tuple(fold for fold in folds if fold not in targets),
    )


def _groups(leaderboard: Leaderboard, board: Board) -> dict[str, list[RunRow]]:
    """Return the runs that ended of each competing method's rows, those all of whose runs failed included."""
    wanted = {row.run.run_group for row in board.rows} | {run.run_group for run in board.unscored}
    found: dict[str, list[RunRow]] = defaultdict(list)
    for run in leaderboard.runs(run_groups=wanted):
        if run.role == "competitor" and has_ended(run) and board_key(run, board.protocol) == board_of(board):
            found[run.run_group].append(run)
    return found


def _standing(groups: Mapping[str, Sequence[RunRow]], competing: Iterable[str]) -> set[str]:
    """Return the rows that stand for their methods."""
    chosen = {name for name in competing if name in groups}
    decided = {_method(groups[name][0]) for name in chosen}
    first: dict[tuple[str, str], str] = {}
    for name, runs in sorted(groups.items(), key=lambda item: (min(run.created_at for run in item[1]), item[0])):
        if _method(runs[0]) not in decided:
            first.setdefault(_method(runs[0]), name)
    return chosen | set(first.values())


def _method(run: RunRow) -> tuple[str, str]:
    return run.method, run.distribution


def _by_hardware(runs: Sequence[RunRow]) -> dict[str, list[RunRow]]:
    """Return the runs that count of a row by hardware; what failed before it was recorded counts where the others do.

    A run that was made again on other hardware counts on both.
    """
    names = {hardware_of(run) for run in runs} - {""} or {""}
    return {name: newest_runs(run for run in runs if hardware_of(run) in (name, "")) for name in sorted(names)}


def _table(hardware: str, rows: Sequence[TimeRow], targets: Mapping[int, Target]) -> TimeTable:
    folds = sorted({each.run.fold for row in rows for each in row.outcomes})
    return TimeTable(
        hardware=hardware,
        targets=tuple(targets[fold] for fold in folds),
        rows=tuple(sorted(rows, key=_order)),
        fastest=min((row.seconds for row in rows if row.stands), default=NEVER),
    )


def _order(row: TimeRow) -> tuple[bool, float, int, str, int]:
    return not row.stands, row.seconds, -row.arrived, row.run.method, row.run.id


def _reasons(runs: Iterable[RunRow]) -> str:
    return "; ".join(dict.fromkeys(why for run in runs if (why := why_unknown(run))))
