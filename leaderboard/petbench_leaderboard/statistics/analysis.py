"""What the numbers of a board support: every row's interval, how sure its rank is, which rows are really apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics.intervals import FEWEST_PARTICIPANTS, Interval, mean_interval
from petbench_leaderboard.statistics.paired import Comparison, compare_all, compare_pairs
from petbench_leaderboard.statistics.ranks import RankStability, rank_intervals, rank_stability

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
        interval: of the mean, over participants and seeds; None for fewer than three participants.
        over_identity: the row, first, against the newest row of `identity`, by itself; None for that row, and where
            there is none.
        gain_interval: of the gain over `identity`, participant by participant, positive where better; None as above,
            and where the metric has no direction.
        rank_interval: the ranks that the tests leave possible, all of them together in 95 % of datasets; None for
            references, for participants too few to decide anything, and beyond the best `MOST_COMPARED`.
        tested_rank: 1 + the number of ranked methods that are significantly better; None for references, and beyond
            the best `MOST_COMPARED`.
        separated_from_all: whether every other ranked method is significantly worse: only then is a best value bold.
    """

    key: str
    interval: Interval | None
    over_identity: Comparison | None
    gain_interval: Interval | None
    rank_interval: tuple[int, int] | None
    tested_rank: int | None
    separated_from_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardStatistics:
    """One column of a board.

    Attributes:
        column: what was looked at.
        rows: in the board's order; None for a row that does not cover all participants in this column.
        competing: the keys of the methods that were compared with each other, the best `MOST_COMPARED`, in the board's
            order.
        comparisons: of every two of them.
        references: the keys of the references that they were compared with, best first; of each reference its newest
            row.
        over_references: of each competing method, first, with each reference: a family of its own.
        stability: of the ranking of these methods; None where the metric has no direction or participants are too few.
    """

    column: Column
    rows: tuple[RowStatistics | None, ...]
    competing: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    references: tuple[str, ...]
    over_references: tuple[Comparison, ...]
    stability: RankStability | None


def row_key(row: Row) -> str:
    """Return a text that names a row: the method and its first run, for a board may have several rows of a method."""
    return f"{row.run.method} · run {row.run_ids[0]}" if row.run_ids else row.run.method


def analyse(board: Board, column: Column | None = None) -> BoardStatistics | None:
    """Return the statistics of a column, the ranking one by default; None where no row covers all participants.

    Only competing methods are ranked and compared with each other; references get intervals, and each competing method
    is compared with each of them.
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
    ranked = [key for key in tables if by_key[key].competes]
    competing = ranked[:MOST_COMPARED]
    higher = column.higher_is_better
    comparisons = compare_all({key: _scores(tables[key], board.participants) for key in competing})
    stability, ranks = None, dict[str, tuple[int, int]]()
    if higher is not None and competing:
        ranks = rank_intervals(competing, comparisons, higher_is_better=higher, ranked=len(ranked))
        if len(board.participants) >= FEWEST_PARTICIPANTS:
            stability = rank_stability({key: tables[key] for key in competing}, higher_is_better=higher)
    references = _references(board, tables)
    pairs = [(key, reference) for key in competing for reference in references]
    compared = {key: _scores(tables[key], board.participants) for key in (*competing, *references)}
    decides = any(comparison.can_decide for comparison in comparisons)
    identity = _newest_identity(board, tables)
    rows: list[RowStatistics | None] = []
    for row in board.rows:
        key = row_key(row)
        if key not in tables:
            rows.append(None)
            continue
        over = _over(identity, key, tables, board.participants)
        rows.append(
            RowStatistics(
                key=key,
                interval=mean_interval(tables[key]),
                over_identity=over,
                gain_interval=towards_better(over.interval if over else None, higher_is_better=higher),
                rank_interval=ranks.get(key) if decides else None,
                tested_rank=ranks[key][0] if key in ranks else None,
                separated_from_all=decides and ranks.get(key) == (1, 1),
            )
        )
    return BoardStatistics(
        column=column,
        rows=tuple(rows),
        competing=tuple(competing),
        comparisons=tuple(comparisons),
        references=references,
        over_references=tuple(compare_pairs(compared, pairs)),
        stability=stability,
    )


def towards_better(interval: Interval | None, *, higher_is_better: bool | None) -> Interval | None:
    """Return the interval of a difference as that of a gain, positive where better; None without a direction."""
    if interval is None or higher_is_better is None:
        return None
    return interval if higher_is_better else interval.reversed()


def _references(board: Board, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Return the newest row of each reference that covers everybody, in the board's order: those of one's own alone."""
    newest: dict[str, Row] = {}
    for row in board.rows:
        if row.role == "reference" and row.is_own and row_key(row) in tables:
            known = newest.get(row.run.method)
            newest[row.run.method] = row if known is None or row.newest > known.newest else known
    kept = {row_key(row) for row in newest.values()}
    return tuple(key for key in map(row_key, board.rows) if key in kept)


def _newest_identity(board: Board, tables: Mapping[str, Table]) -> str | None:
    """Return the row that the board's gains are over; None where there is none, or it misses a participant."""
    newest = max((row for row in board.rows if row.is_identity), key=lambda row: row.newest, default=None)
    return row_key(newest) if newest and row_key(newest) in tables else None


def _over(
    identity: str | None, key: str, tables: Mapping[str, Table], participants: Sequence[str]
) -> Comparison | None:
    if identity is None or key == identity:
        return None
    (comparison,) = compare_all({name: _scores(tables[name], participants) for name in (key, identity)})
    return comparison


def _table(row: Row, column: Column, participants: Sequence[str]) -> Table | None:
    """Return a row's scores, shape (seeds, participants), None unless they are complete and finite."""
    cell: Cell | None = row.cells.get(column)
    if cell is None or cell.mean is None or not cell.values or not np.isfinite(cell.mean):
        return None
    return np.array([[cell.by_seed[seed][who] for who in participants] for seed in row.seeds], dtype=np.float64)


def _scores(table: Table, participants: Sequence[str]) -> dict[str, list[float]]:
    return {who: table[:, place].tolist() for place, who in enumerate(participants)}
