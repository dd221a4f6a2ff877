"""What the numbers of a board support: every row's interval, how sure its rank is, which rows are really apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics.intervals import Interval, mean_interval
from petbench_leaderboard.statistics.paired import Comparison, compare_all
from petbench_leaderboard.statistics.ranks import RankStability, rank_stability, ranks_by_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.intervals import Table

MOST_COMPARED = 40
"""Ranked methods that are compared with each other: of more, only the best, for their pairs grow with the square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStatistics:
    """One row in one column.

    Attributes:
        key: the row's key in `comparisons` and `stability`.
        interval: of the mean, over participants and seeds; None for fewer than four participants.
        rank_interval: the ranks that other participants would give; None for references and for too few participants.
        tested_rank: 1 + the number of ranked methods that are significantly better; None for references, and beyond
            the best `MOST_COMPARED`.
        separated_from_all: whether every other ranked method is significantly worse: only then is a best value bold.
    """

    key: str
    interval: Interval | None
    rank_interval: tuple[int, int] | None
    tested_rank: int | None
    separated_from_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardStatistics:
    """One column of a board.

    Attributes:
        column: what was looked at.
        rows: in the board's order; None for a row that does not cover all participants in this column.
        comparisons: of every two of the best `MOST_COMPARED` methods.
        stability: of the ranking of these methods; None where the metric has no direction.
    """

    column: Column
    rows: tuple[RowStatistics | None, ...]
    comparisons: tuple[Comparison, ...]
    stability: RankStability | None


def row_key(row: Row) -> str:
    """Return a text that names a row: the method and its first run, for a board may have several rows of a method."""
    return f"{row.run.method} · run {row.run_ids[0]}" if row.run_ids else row.run.method


def analyse(board: Board, column: Column | None = None) -> BoardStatistics | None:
    """Return the statistics of a column, the ranking one by default; None where no row covers all participants.

    Only competing methods are ranked and compared with each other; references get intervals.
    """
    column = column or board.ranked_by
    if column is None:
        return None
    tables = {
        row_key(row): table for row in board.rows if (table := _table(row, column, board.participants)) is not None
    }
    if not tables:
        return None
    by_key = {row_key(row): row for row in board.rows}
    competing = [key for key in tables if by_key[key].competes][:MOST_COMPARED]
    comparisons = compare_all({key: by_key[key].cells[column].values for key in competing})
    stability, tested = None, dict[str, int]()
    if column.higher_is_better is not None:
        stability = rank_stability({key: tables[key] for key in competing}, higher_is_better=column.higher_is_better)
        tested = ranks_by_test(competing, comparisons, higher_is_better=column.higher_is_better)
    rows = [
        None
        if (key := row_key(row)) not in tables
        else RowStatistics(
            key=key,
            interval=mean_interval(tables[key]),
            rank_interval=_rank_interval(key, stability),
            tested_rank=tested.get(key),
            separated_from_all=_separated_from_all(key, competing, comparisons, tested),
        )
        for row in board.rows
    ]
    return BoardStatistics(column=column, rows=tuple(rows), comparisons=tuple(comparisons), stability=stability)


def separation(board: Board, statistics: BoardStatistics | None) -> str:
    """Say which methods are to be read as ties, or that one is ahead of all; empty where there is nobody to compare."""
    if statistics is None or not statistics.comparisons:
        return ""
    people = len(board.participants)
    if people == 1:
        return "one test participant: no test can separate these methods."
    test = f"Wilcoxon's signed ranks over {people} participants, Holm's correction, 5 %"
    for row, found in zip(board.rows, statistics.rows, strict=True):
        if found and found.separated_from_all:
            return f"{row.run.method} is ahead of every other method ({test})."
    first = [found.key.rsplit(" · ", 1)[0] for found in statistics.rows if found and found.tested_rank == 1]
    return (
        f"nothing separates {', '.join(first[:-1])} and {first[-1]} ({test}): read them as ties." if first[1:] else ""
    )


def _table(row: Row, column: Column, participants: Sequence[str]) -> Table | None:
    """Return a row's scores, shape (seeds, participants), None unless they are complete and finite."""
    cell: Cell | None = row.cells.get(column)
    if cell is None or cell.mean is None or not cell.values or not np.isfinite(cell.mean):
        return None
    return np.array([[cell.by_seed[seed][who] for who in participants] for seed in row.seeds], dtype=np.float64)


def _rank_interval(key: str, stability: RankStability | None) -> tuple[int, int] | None:
    if stability is None or stability.low is None or stability.high is None or key not in stability.methods:
        return None
    place = stability.methods.index(key)
    return stability.low[place], stability.high[place]


def _separated_from_all(
    key: str, competing: Sequence[str], comparisons: Sequence[Comparison], tested: Mapping[str, int]
) -> bool:
    if tested.get(key) != 1 or len(competing) < 2:
        return False
    return all(comparison.separated for comparison in comparisons if key in (comparison.first, comparison.second))
