"""What the statistics of a board allow one to say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.report.formatting import counted, number, p_value, plain_unit
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.statistics.analysis import MOST_COMPARED, row_key, towards_better
from petbench_leaderboard.statistics.power import fewest_participants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Board, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics
    from petbench_leaderboard.statistics.intervals import Interval
    from petbench_leaderboard.statistics.paired import Comparison

_MOST_NAMED = 3


def separation(board: Board, statistics: BoardStatistics | None) -> str:
    """Say in one sentence which methods are ahead and which cannot be told apart; empty where there is nothing to say.

    It is of the column that the statistics are of, and of the competing methods: how the best stands to the others,
    and where it is ahead of all of them, how the next does. A method alone is compared with `identity`.
    """
    if statistics is None or statistics.column.higher_is_better is None:
        return ""
    return _Words(board, statistics).sentence()


def against_references(board: Board, statistics: BoardStatistics | None) -> str:
    """Say in one or two sentences how the competing methods stand to the references; empty where there are none.

    The amount is that of the best method over the best reference; which methods are ahead is said of every reference.
    """
    if statistics is None or statistics.column.higher_is_better is None or not statistics.over_references:
        return ""
    return _Words(board, statistics).about_references()


def caveats(board: Board) -> list[str]:
    """Return what limits every interval and test of a board, in sentences that stand wherever these do."""
    ranked = [row for row in board.rows if row.rank is not None]
    found = []
    if any(row.run.sampling == "matched" for row in board.rows):
        found.append(
            f"The participants of {board.dataset} were matched to the statistics of a population and not drawn "
            "independently: intervals and tests over them do not hold."
        )
    single = [row for row in ranked if len(row.seeds) == 1]
    if single:
        which = _listed(dict.fromkeys(_names(ranked)[row_key(row)] for row in single))
        whose = "" if len(single) == len(ranked) else f" of {which}"
        found.append(
            f"One seed{whose}: intervals and tests are over participants alone, for this one training, and say nothing "
            "of another."
        )
    if len(ranked) > MOST_COMPARED:
        found.append(f"Only the best {MOST_COMPARED} of {len(ranked)} methods were compared with each other.")
    return found


class _Words:
    """The sentence about one column of a board."""

    def __init__(self, board: Board, statistics: BoardStatistics) -> None:
        self.column = statistics.column
        self.higher = bool(self.column.higher_is_better)
        self.people = len(board.participants)
        self.found = {found.key: found for found in statistics.rows if found is not None}
        rows = {row_key(row): row for row in board.rows if row_key(row) in statistics.competing}
        of_references = [row for row in board.rows if row_key(row) in statistics.references]
        self.references = [row_key(row) for row in of_references]
        self.names = _names(rows.values()) | {row_key(row): row.run.method for row in of_references}
        self.seeds = {key: len(row.seeds) for key, row in rows.items()}
        self.best_first = self._in_order(rows)
        self.comparisons = {frozenset((found.first, found.second)): found for found in statistics.comparisons}
        self.over = {(found.first, found.second): found for found in statistics.over_references}

    def sentence(self) -> str:
        """Return it, or nothing where there is nothing to compare."""
        if len(self.best_first) < 2:
            return self._alone(self.best_first[0]) if self.best_first else ""
        best, second, *_ = self.best_first
        if self.people == 1:
            return "One test participant: no test can tell these methods apart."
        if not self._between(best, second).can_decide:
            apart = f"these {len(self.best_first)} methods apart"
            return self._too_few(apart, len(self.comparisons), self._between(best, second), best, self.names[second])
        clauses = self._about(self.best_first)
        if len(self.best_first) > 2 and not self._tied(self.best_first):
            clauses += f"; {self._about(self.best_first[1:])}"
        return f"{clauses} {self._sample(self.best_first)}."

    def about_references(self) -> str:
        """Return how the methods stand to the references."""
        best, strongest = self.best_first[0], self.references[0]
        found = self.over[best, strongest]
        if self.people == 1:
            return ""  # as the sentence before it says
        if not found.can_decide:
            return self._too_few("a method from a reference", len(self.over), found, best, self.names[strongest])
        ahead = self._is_better(found, best)
        amount = f"by {self._amount(found, first_ahead=ahead)}, {p_value(found.adjusted_p)}"
        how = "cannot be told apart from" if not found.separated else f"is {'ahead of' if ahead else 'behind'}"
        lead = f"{self.names[best]} {how} the reference {self.names[strongest]}"
        lead += f": {'better' if ahead else 'worse'} {amount} {self._sample([best])}."
        return " ".join([lead, *self._standings()])

    def _standings(self) -> list[str]:
        """Return who is ahead of, level with and behind which references, those alike in one sentence."""
        alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
        for reference in self.references:
            groups: tuple[list[str], list[str], list[str]] = [], [], []
            for key in self.best_first:
                found = self.over[key, reference]
                groups[1 if not found.separated else 0 if self._is_better(found, key) else 2].append(self.names[key])
            alike.setdefault(tuple(map(tuple, groups)), []).append(self.names[reference])
        said = []
        for (ahead, level, behind), references in alike.items():
            parts = [
                f"{words}: {_listed(who)}"
                for words, who in (("ahead", ahead), ("not told apart", level), ("behind", behind))
                if who
            ]
            said.append(f"Against {_listed(references)}, {'; '.join(parts)}.")
        return said

    def _in_order(self, rows: Mapping[str, Row]) -> list[str]:
        """Return the rows best first by this column, whatever column the board is ordered by."""

        def goodness(key: str) -> float:
            mean = rows[key].cells[self.column].mean
            return 0.0 if mean is None else mean

        return sorted(rows, key=goodness, reverse=self.higher)

    def _alone(self, key: str) -> str:
        over, name = self.found[key].over_identity, self.names[key]
        if over is None:
            return ""
        # Among the references it is one comparison of several; alone it would promise more than stands beside it.
        over = next((found for found in self.over.values() if found.second == over.second), over)
        if self.people == 1:
            return f"One test participant: no test can tell {name} from {IDENTITY_METHOD}."
        if not over.can_decide:
            return self._too_few(f"{name} from {IDENTITY_METHOD}", max(1, len(self.over)), over, key, IDENTITY_METHOD)
        if not over.separated:
            stands = f"{name} cannot be told apart from {IDENTITY_METHOD}{self._detectable([over])}"
        elif self._is_better(over, key):
            stands = f"{name} is ahead of {IDENTITY_METHOD} by {self._amount(over, first_ahead=True)}"
        else:
            stands = f"{name} is behind {IDENTITY_METHOD} by {self._amount(over, first_ahead=False)}"
        return f"{stands} {self._sample([key])}."

    def _too_few(self, what: str, comparisons: int, found: Comparison, key: str, other: str) -> str:
        needed = f"{counted(comparisons, 'comparison')} need{'s' if comparisons == 1 else ''}"
        better = self._is_better(found, key)
        amount = self._amount(found, first_ahead=better == (found.first == key))
        return (
            f"No test can tell {what} {self._sample([key])}: {needed} at least {fewest_participants(comparisons)} "
            f"participants; the mean of {self.names[key]} is {'better' if better else 'worse'} "
            f"than that of {other} by {amount}."
        )

    def _about(self, keys: Sequence[str]) -> str:
        """Say how the best of some methods stands to the others."""
        best, *others = keys
        name, tied = self.names[best], self._tied(keys)
        beaten = [key for key in others if key not in tied]
        clauses = []
        if tied:
            detectable = self._detectable([self._between(best, key) for key in tied])
            clauses.append(f"{name} cannot be told apart from {_listed(self.names[key] for key in tied)}{detectable}")
        if beaten:
            found = self._between(best, beaten[0])
            amount = self._amount(found, first_ahead=found.first == best)
            more = f", and of {_listed(self.names[key] for key in beaten[1:])}" if beaten[1:] else ""
            clauses.append(f"{'it' if tied else name} is ahead of {self.names[beaten[0]]} by {amount}{more}")
        return ", but ".join(clauses)

    def _tied(self, keys: Sequence[str]) -> list[str]:
        """Return the methods that the first is not significantly better than."""
        best, *others = keys
        return [key for key in others if not self._between(best, key).separated]

    def _between(self, one: str, other: str) -> Comparison:
        return self.comparisons[frozenset((one, other))]

    def _is_better(self, found: Comparison, key: str) -> bool:
        return ((found.difference > 0) == self.higher) == (found.first == key)

    def _amount(self, found: Comparison, *, first_ahead: bool) -> str:
        """Write by how much the one is ahead of the other, with the interval of that."""
        gain = towards_better(found.interval, higher_is_better=self.higher)
        if gain is not None and not first_ahead:
            gain = gain.reversed()
        return f"{self._size(abs(found.difference))}{self._written(gain)}"

    def _written(self, interval: Interval | None) -> str:
        if interval is None:
            return ""
        decimals = self.column.facts.decimals
        low, high = number(interval.low, decimals), number(interval.high, decimals)
        return f" ({100 * interval.confidence:.0f} % interval {low} to {high})"

    def _detectable(self, found: Sequence[Comparison]) -> str:
        """Say which difference would have been found, of the comparisons that find least."""
        sizes = [comparison.detectable_difference for comparison in found]
        largest = max((size for size in sizes if size is not None), default=None)
        return "" if largest is None else f" (smallest detectable difference {self._size(largest)})"

    def _size(self, value: float) -> str:
        """Write a number with its unit; one that would be rounded to nothing with two digits."""
        written = number(value, self.column.facts.decimals)
        if value and not float(written.replace(",", "")):
            written = f"{value:.2g}"
        return f"{written} {plain_unit(self.column.unit)}".rstrip()

    def _sample(self, keys: Sequence[str]) -> str:
        seeds = sorted({self.seeds[key] for key in keys})
        several = f"{seeds[0]} to {seeds[-1]} seeds" if len(seeds) > 1 else counted(seeds[0], "seed")
        return f"with {counted(self.people, 'participant')} and {'one seed' if seeds == [1] else several}"


def _names(rows: Iterable[Row]) -> dict[str, str]:
    """Return what rows are called, by their keys."""
    rows = list(rows)
    called = names(rows)
    return {row_key(row): called[row.run.run_group] for row in rows}


def _listed(names: Iterable[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`; of more only some: `a, b, c and 4 others`."""
    *shown, last = names
    if len(shown) >= _MOST_NAMED:
        last = counted(len(shown) + 1 - _MOST_NAMED, "other")
        shown = shown[:_MOST_NAMED]
    return f"{', '.join(shown)} and {last}" if shown else last
