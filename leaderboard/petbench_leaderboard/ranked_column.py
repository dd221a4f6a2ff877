"""The column that decides the order of a board, found in the cached means before any run is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.errors import RequestError, UnknownOnLeaderboardError
from petbench_leaderboard.metric_facts import distance_from_best
from petbench_leaderboard.metric_table import read_metrics
from petbench_leaderboard.schema import BoardRow, CachedMean, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.board import Column
    from petbench_leaderboard.store import Leaderboard


ORDERS_NOTHING = "has neither a direction nor a best value: it orders nothing"
ORDERS_NO_IMAGES = "is scored by organ or lesion, and orders no whole images"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedColumn:
    """One metric in one convention and region, and which of its values are better.

    Attributes:
        metric: the metric's name.
        region: where it was taken.
        convention_id: names formula, window, mask and version.
        higher_is_better: the metric's direction; None for one that has none.
        best_value: the best value of a metric without a direction.
    """

    metric: str
    region: str
    convention_id: str
    higher_is_better: bool | None
    best_value: float | None

    def distance(self, value: float) -> float | None:
        """Return a number that is smaller the better a value is; None where the metric orders nothing."""
        return distance_from_best(value, self.higher_is_better, self.best_value)

    def conditions(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return what the cached means of the column fulfil."""
        return (
            CachedMean.metric == self.metric,
            CachedMean.region == self.region,
            CachedMean.convention_id == self.convention_id,
        )

    def is_that(self, column: Column) -> bool:
        """Whether a board's column is this one."""
        return (column.metric, column.region, column.convention_id) == (self.metric, self.region, self.convention_id)


def columns_of_metric(session: Session, board_id: int, metric: str) -> list[RankedColumn]:
    """Return the columns of a board that a metric has; each costs a step or two into the index.

    Those that were scored here come first, then a board's order: what somebody sends, in a convention of his own, must
    not decide by what other rows are ranked.
    """
    facts = read_metrics(session)
    columns: list[RankedColumn] = []
    found = _first(session, board_id, metric)
    while found is not None:
        region, convention_id, higher_is_better = found
        known = facts.get((metric, convention_id))
        columns.append(
            RankedColumn(
                metric=metric,
                region=region,
                convention_id=convention_id,
                higher_is_better=higher_is_better,
                best_value=known.best_value if known else None,
            )
        )
        same_region = (CachedMean.region == region, CachedMean.convention_id > convention_id)
        found = _first(session, board_id, metric, *same_region)
        found = found or _first(session, board_id, metric, CachedMean.region > region)
    if len(columns) < 2:
        return columns
    of_board = CachedMean.board_id == board_id
    return sorted(columns, key=lambda column: not _is_there(session, of_board, *column.conditions(), _SCORED_HERE))


_SCORED_HERE = sa.exists().where(
    BoardRow.board_id == CachedMean.board_id, BoardRow.run_group == CachedMean.run_group, BoardRow.trust > 0
)
"""Of a cached mean: its row is not only self-reported."""


def _is_there(session: Session, *conditions: sa.ColumnElement[bool]) -> bool:
    found = sa.select(CachedMean.metric).where(CachedMean.mean.is_not(None), *conditions)
    return session.scalar(found.limit(1)) is not None


def _first(
    session: Session, board_id: int, metric: str, *after: sa.ColumnElement[bool]
) -> tuple[str, str, bool | None] | None:
    query = sa.select(CachedMean.region, CachedMean.convention_id, CachedMean.higher_is_better)
    query = query.where(CachedMean.board_id == board_id, CachedMean.metric == metric, *after)
    found = session.execute(query.order_by(CachedMean.region, CachedMean.convention_id).limit(1)).first()
    return None if found is None else (found.region, found.convention_id, found.higher_is_better)


def ranking_metric(leaderboard: Leaderboard, board_id: int, names: Sequence[str]) -> str:
    """Return the metric that ranks a board where nobody asks for another: one lookup in an index for each candidate.

    It is the first of some names, those that its task ranks by, that was scored here, where there is any.
    """
    with leaderboard.reading() as session:
        for whose in ((_SCORED_HERE,), ()):
            for name in names:
                if _is_there(session, CachedMean.board_id == board_id, CachedMean.metric == name, *whose):
                    return name
    return names[-1]


def check_metric(leaderboard: Leaderboard, board_ids: Iterable[int], metric: str) -> None:
    """Make sure that a metric that somebody asks for can rank a board.

    Raises:
        UnknownOnLeaderboardError: no row of the boards was scored by a metric of this name.
        RequestError: the metric orders nothing.
    """
    boards = list(board_ids)
    with leaderboard.reading() as session:
        columns = [column for board in boards for column in columns_of_metric(session, board, metric)]
        if not columns:
            _refuse_unknown(session, boards, metric)
    if columns and all(column.distance(0.0) is None for column in columns):
        raise RequestError(f"{metric!r} {ORDERS_NOTHING}; rank by another --metric")


def _refuse_unknown(session: Session, boards: Sequence[int], metric: str) -> None:
    """Say what a metric is that no row of some boards has a mean of; say nothing where no row has any mean yet."""
    of_boards = sa.select(CachedMean.metric).where(CachedMean.board_id.in_(boards)).distinct()
    known = set(session.scalars(of_boards))
    is_known = session.scalar(sa.select(Metric.metric).where(Metric.metric == metric).limit(1))
    has_means = session.scalar(sa.select(CachedMean.metric).where(CachedMean.metric == metric).limit(1))
    if known and is_known and not has_means:
        names = ", ".join(sorted(known))
        raise RequestError(f"{metric!r} {ORDERS_NO_IMAGES}; rank by one of {names}")
    if known:
        raise UnknownOnLeaderboardError("metric of these rows", metric, known)
