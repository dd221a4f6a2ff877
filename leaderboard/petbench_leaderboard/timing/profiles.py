"""How methods compare over several problems: performance profiles of their times to the target."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from petbench_leaderboard.records import FIRST_TASK
from petbench_leaderboard.statistics.time_to_target import performance_profiles
from petbench_leaderboard.timing.outcomes import NEVER, by_fold, median_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.statistics.time_to_target import PerformanceProfile
    from petbench_leaderboard.timing.tables import BoardTimes

FEWEST_PROBLEMS = 2
FEWEST_METHODS = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fold of one dataset's split."""

    dataset: str
    split: str
    fold: int
    fingerprint: str = ""
    split_digest: str = ""
    task: str = FIRST_TASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One method.

    Attributes:
        name: of the method, with its package where two have one name.
        seconds: by problem, the median over the seeds; infinite where it does not arrive. Only problems that it tried.
        profile: None where it did not try all of them, or where nothing can be compared.
    """

    name: str
    seconds: Mapping[Problem, float]
    profile: PerformanceProfile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """All problems of one protocol and task on one hardware, and how the methods fare in them: best first.

    Attributes:
        protocol: version of the rules.
        task: by name and version.
        hardware: in words.
        problems: that any method tried.
        entries: methods that stand for themselves, with a profile first.
    """

    protocol: int
    task: str = FIRST_TASK
    hardware: str
    problems: tuple[Problem, ...]
    entries: tuple[Entry, ...]

    @property
    def boards(self) -> frozenset[tuple[str, str, str, str, str]]:
        """The boards whose folds the problems are: dataset, fingerprint, split, its digest, and task."""
        return frozenset(
            (each.dataset, each.fingerprint, each.split, each.split_digest, each.task) for each in self.problems
        )

    @property
    def compares(self) -> bool:
        """Whether there is anything to compare: two problems, and two methods that tried all of them."""
        return any(entry.profile is not None for entry in self.entries)


def time_profiles(times: Iterable[BoardTimes]) -> list[Profiles]:
    """Return the profiles of each protocol, task and hardware, newest protocol first.

    A method that did not try a problem has no profile, as a row that lacks a participant has no rank; one that tried it
    and did not arrive has.
    """
    found: dict[tuple[int, str, str], dict[tuple[str, str], dict[Problem, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for each in times:
        for table in each.tables:
            for row in (row for row in table.rows if row.stands):
                of_board = found[each.board.protocol, each.board.task, table.hardware]
                of_method = of_board[row.run.method, row.run.distribution]
                for fold, outcomes in by_fold(row.outcomes).items():
                    if any(outcome.known for outcome in outcomes):
                        of_method[_problem(each, fold)] = median_seconds(outcomes)
    ordered = sorted(found.items(), key=lambda item: (-item[0][0], *item[0][1:]))
    return [_profiles(*place, methods) for place, methods in ordered]


def _problem(times: BoardTimes, fold: int) -> Problem:
    board = times.board
    return Problem(board.dataset, board.split, fold, board.fingerprint, board.split_digest, board.task)


def _profiles(
    protocol: int, task: str, hardware: str, methods: Mapping[tuple[str, str], Mapping[Problem, float]]
) -> Profiles:
    problems = tuple(sorted({problem for tried in methods.values() for problem in tried}))
    named = Counter(name for name, _ in methods)
    entries = [
        Entry(name=name if named[name] == 1 else f"{name} ({distribution})", seconds=tried)
        for (name, distribution), tried in methods.items()
    ]
    profiled = sorted(_with_profiles(entries, problems), key=lambda entry: (-_score(entry), entry.name))
    return Profiles(protocol=protocol, task=task, hardware=hardware, problems=problems, entries=tuple(profiled))


def _with_profiles(entries: Sequence[Entry], problems: Sequence[Problem]) -> list[Entry]:
    complete = [entry for entry in entries if len(entry.seconds) == len(problems)]
    if len(problems) < FEWEST_PROBLEMS or len(complete) < FEWEST_METHODS:
        return list(entries)
    times = {entry.name: [_or_none(entry.seconds[problem]) for problem in problems] for entry in complete}
    profiles = performance_profiles(times)
    return [replace(entry, profile=profiles.get(entry.name)) for entry in entries]


def _or_none(seconds: float) -> float | None:
    return seconds if seconds < NEVER else None


def _score(entry: Entry) -> float:
    return -1.0 if entry.profile is None else entry.profile.score()
