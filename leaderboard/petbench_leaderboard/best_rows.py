"""The best rows of a board, as the database orders them: of a hundred thousand rows only a few are read."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import sqlalchemy as sa

from petbench_leaderboard.board import BestOf
from petbench_leaderboard.schema import BoardRow, CachedMean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.board import ChosenBy
    from petbench_leaderboard.competing import Method
    from petbench_leaderboard.ranked_column import RankedColumn


class BriefRow(NamedTuple):
    """A row of a competing method: what its place on a board depends on.

    Attributes:
        run_group: the row.
        method: the method's name.
        distribution: the package that ships it.
        mean: in the ranking column; None where there is none.
    """

    run_group: str
    method: str
    distribution: str
    mean: float | None

    @property
    def of_method(self) -> Method:
        """The method whose row it is."""
        return self.method, self.distribution


def rows_of_methods(session: Session, board_id: int) -> dict[Method, int]:
    """Return how many rows each competing method has on a board."""
    query = sa.select(BoardRow.method, BoardRow.distribution, sa.func.count()).where(*_competitors(board_id))
    query = query.group_by(BoardRow.method, BoardRow.distribution)
    return {(method, distribution): count for method, distribution, count in session.execute(query)}


def some_rows(session: Session, board_id: int, column: RankedColumn | None, best: int | None) -> list[BriefRow]:
    """Return rows of competing methods, with the `best` best among them; all rows where that is None.

    Where only the best are wanted these are all rows that compete, as many of the methods of which no row does, as many
    of the best others, and only then rows without a mean.
    """
    every = _brief(board_id, column)
    if best is None:
        return _read(session, every)
    competes = BoardRow.chosen_by.is_not(None)
    rows = _read(session, every.where(competes))
    represented = sa.select(BoardRow.method, BoardRow.distribution).where(*_competitors(board_id), competes)
    method = sa.tuple_(BoardRow.method, BoardRow.distribution)
    by_name = (BoardRow.method, BoardRow.run_group)
    rows += _read(session, every.where(method.not_in(represented)).order_by(*by_name).limit(best))
    others = sa.select(*_BRIEF).join(CachedMean, _same_row(column)).where(*_competitors(board_id))
    others = others.where(BoardRow.chosen_by.is_(None), CachedMean.board_id == board_id)
    for part in _from_the_best(others, column):
        rows += _read(session, part.limit(best))
    if len(rows) < best:  # even those are shown of which nothing can be said
        rows += _read(session, every.where(CachedMean.mean.is_(None)).order_by(*by_name).limit(best))
    return list(dict.fromkeys(rows))


def best_first(
    rows: Sequence[BriefRow], competing: Mapping[str, ChosenBy], column: RankedColumn | None
) -> list[BriefRow]:
    """Return rows in the order of a board: those that compete, then methods of which no row does, then variants."""
    represented = {row.of_method for row in rows if row.run_group in competing}

    def place(row: BriefRow) -> tuple[bool, float, str, str]:
        variant = row.run_group not in competing and row.of_method in represented
        distance = column.distance(row.mean) if column and row.mean is not None else None
        return variant, inf if distance is None else distance, row.method, row.run_group

    return sorted(rows, key=place)


def best_of_methods(
    session: Session,
    board_id: int,
    column: RankedColumn | None,
    wanted: Collection[Method],
    rows: Mapping[Method, int],
) -> dict[Method, BestOf]:
    """Return what all rows of some methods come to; a method with one row has nothing to choose from."""
    several = {method for method in wanted if rows[method] > 1}
    means: dict[Method, float] = {}
    if column is not None and column.distance(0.0) is not None and several:
        names = sorted({name for name, _ in several})
        query = sa.select(BoardRow.method, BoardRow.distribution, *_extremes(column))
        query = query.join(CachedMean, _same_row(column)).where(*_competitors(board_id), BoardRow.method.in_(names))
        for name, distribution, *found in session.execute(query.group_by(BoardRow.method, BoardRow.distribution)):
            known = [mean for mean in found if mean is not None]
            if known:
                means[name, distribution] = min(known, key=lambda mean: column.distance(mean) or 0.0)
    return {method: BestOf(rows=rows[method], mean=means.get(method)) for method in several}


_Query: TypeAlias = Any
"""A select of `_BRIEF`; SQLAlchemy 2.0 and 2.1 write its type in two ways."""

_BRIEF = (BoardRow.run_group, BoardRow.method, BoardRow.distribution, CachedMean.mean)


def _competitors(board_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return BoardRow.board_id == board_id, BoardRow.role == "competitor"


def _same_row(column: RankedColumn | None) -> sa.ColumnElement[bool]:
    """Return what joins a row with its mean in a column that has one; nothing without a column."""
    if column is None:
        return sa.false()
    same = (CachedMean.run_group == BoardRow.run_group, CachedMean.board_id == BoardRow.board_id)
    return sa.and_(*same, *column.conditions(), CachedMean.mean.is_not(None))


def _brief(board_id: int, column: RankedColumn | None) -> _Query:
    return sa.select(*_BRIEF).outerjoin(CachedMean, _same_row(column)).where(*_competitors(board_id))


def _read(session: Session, query: _Query) -> list[BriefRow]:
    return [BriefRow._make(row) for row in session.execute(query)]


def _from_the_best(query: _Query, column: RankedColumn | None) -> list[_Query]:
    """Return a query with the best means first; one for each side of a best value, so that each follows the index."""
    mean = CachedMean.mean
    if column is None or column.distance(0.0) is None:
        return []
    if column.higher_is_better is not None:
        return [query.order_by(mean.desc() if column.higher_is_better else mean.asc())]
    best = column.best_value
    return [query.where(mean >= best).order_by(mean.asc()), query.where(mean < best).order_by(mean.desc())]


def _extremes(column: RankedColumn) -> list[sa.ColumnElement[float | None]]:
    """Return the means of a group among which its best is."""
    mean, best = CachedMean.mean, column.best_value
    if column.higher_is_better is not None:
        return [sa.func.max(mean) if column.higher_is_better else sa.func.min(mean)]
    return [sa.func.min(sa.case((mean >= best, mean))), sa.func.max(sa.case((mean < best, mean)))]
