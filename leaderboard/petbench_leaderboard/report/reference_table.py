"""The comparisons of competing methods with references as a table: methods below each other, a column a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.row_names import names
from petbench_leaderboard.statistics.analysis import row_key, towards_better

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from petbench_leaderboard.board import Board, Column
    from petbench_leaderboard.statistics.analysis import BoardStatistics
    from petbench_leaderboard.statistics.paired import Comparison

NOTE = (
    "gain over each reference, participant by participant, positive where better, with its 95 % interval; p after "
    "Holm's correction over all of these comparisons"
)
"""Beside the table."""


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """Written comparisons.

    Attributes:
        references: the columns.
        rows: a method, and a cell for each reference.
        cells: the same cells by the method's run group.
    """

    references: list[str]
    rows: list[tuple[str, list[str]]]
    cells: Mapping[str, list[str]]


def reference_table(
    board: Board, statistics: BoardStatistics | None, shown: Callable[[Column], Column] = lambda column: column
) -> ReferenceTable | None:
    """Return the table of a board; None where nothing could be compared, or better values are neither high nor low.

    Args:
        board: which.
        statistics: of it.
        shown: returns a column with the digits that it is written with.
    """
    if statistics is None or not statistics.over_references or statistics.column.higher_is_better is None:
        return None
    if len(board.participants) == 1:  # of one nothing can be said but the gain, which stands in the board
        return None
    called = names(board.rows)
    by_key = {row_key(row): row for row in board.rows}
    found = {(each.first, each.second): each for each in statistics.over_references}
    column = shown(statistics.column)
    cells = {
        by_key[key].run.run_group: [_cell(found[key, reference], column) for reference in statistics.references]
        for key in statistics.competing
    }
    rows = [(called[group], of_row) for group, of_row in cells.items()]
    return ReferenceTable([by_key[key].run.method for key in statistics.references], rows, cells)


def _cell(found: Comparison, column: Column) -> str:
    gain = found.difference if column.higher_is_better else -found.difference
    interval = written.interval(column, towards_better(found.interval, higher_is_better=column.higher_is_better))
    between = f" ({interval})" if interval else ""
    decided = formatting.p_value(found.adjusted_p) if found.can_decide else "cannot decide"
    return f"{formatting.number(gain, column.facts.decimals, sign=True)}{between}, {decided}"
