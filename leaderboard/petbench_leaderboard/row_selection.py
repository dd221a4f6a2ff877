"""Which runs a board must read: of a hundred thousand, those of the best rows and the references.

The order comes from the standings; every number that is shown is worked out again from the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.board import CEILING_METHOD, IDENTITY_METHOD, REFERENCE_METHODS
from petbench_leaderboard.rows import run_row
from petbench_leaderboard.schema import BoardEntry, Run, Standing
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_COMPARED_WITH = (IDENTITY_METHOD, CEILING_METHOD)
_REFERENCE_ROWS = 40
"""References that are read beside the best rows: many versions of `identity` say no more than the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One board of the leaderboard."""

    id: int
    key: BoardKey

    @property
    def protocol(self) -> int:
        """The version of the rules that the board's scores were computed by."""
        return self.key[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Pools to read, those of them to show, and how many more there are."""

    pools: frozenset[str]
    shown: frozenset[str]
    omitted: int


def board_entries(leaderboard: Leaderboard, *, dataset: str | None, split: str | None) -> list[Entry]:
    """Return the boards of a dataset and split, or all."""
    query = sa.select(BoardEntry)
    if dataset is not None:
        query = query.where(BoardEntry.dataset == dataset)
    if split is not None:
        query = query.where(BoardEntry.split == split)
    with leaderboard.reading() as session:
        return [
            Entry(id=board.id, key=(board.dataset, board.fingerprint, board.split, board.split_digest, board.protocol))
            for board in session.scalars(query)
        ]


def choose_pools(leaderboard: Leaderboard, entry: Entry, *, metric: str, where: str | None, best: int | None) -> Chosen:
    """Return which pools of a board to read, and which of them to show."""
    with leaderboard.reading() as session:
        fitting = [Standing.board_id == entry.id]
        if where is not None:
            fitting.append(Standing.pool.in_(sa.select(Run.pool).where(matching(session, parse(where)))))
        references = _references(session, entry, best)
        if best is None:
            shown = frozenset(session.scalars(sa.select(Standing.pool).where(*fitting).distinct()))
            return Chosen(pools=shown | references, shown=shown, omitted=0)
        competing = [*fitting, Standing.method.not_in([*REFERENCE_METHODS, CEILING_METHOD])]
        column = _ranked_column(session, entry, metric)
        chosen = _best(session, competing, column, best)
        if len(chosen) < best:
            others = sa.select(Standing.pool).where(*competing, Standing.pool.not_in(chosen)).distinct()
            chosen += session.scalars(others.limit(best - len(chosen))).all()
        omitted = 0
        if len(chosen) == best and column is not None:
            total = session.scalar(sa.select(sa.func.count()).where(*competing, *column.conditions)) or 0
            omitted = max(total - len(chosen), 0)
        fits = sa.select(Standing.pool).where(*fitting, Standing.pool.in_(references)).distinct()
        shown = frozenset(chosen) | (frozenset(session.scalars(fits)) if where is not None else references)
        return Chosen(pools=shown | references, shown=shown, omitted=omitted)


def off_board_runs(leaderboard: Leaderboard, entry: Entry, *, where: str | None, limit: int) -> list[RunRow]:
    """Return the newest runs of a board without a score, and the runs of the same pools, which may have mended them."""
    dataset, fingerprint, split, split_digest, protocol = entry.key
    query = sa.select(Run).where(
        Run.on_board.is_(False),
        Run.dataset == dataset,
        Run.split_digest == split_digest,
        Run.fingerprint == fingerprint,
        Run.split == split,
        Run.protocol == protocol,
    )
    with leaderboard.reading() as session:
        if where is not None:
            query = query.where(matching(session, parse(where)))
        found = [run_row(run) for run in session.scalars(query.order_by(Run.id.desc()).limit(limit))]
        pools = {run.pool for run in found}
        places = sa.select(Run.pool, Run.seed, Run.fold).where(Run.pool.in_(pools), Run.on_board.is_(True)).distinct()
        mended = {tuple(place) for place in session.execute(places)}
    return [run for run in found if (run.pool, run.seed, run.fold) not in mended]


def _references(session: Session, entry: Entry, best: int | None) -> frozenset[str]:
    methods = _COMPARED_WITH if best is None else (*REFERENCE_METHODS, CEILING_METHOD)
    query = sa.select(Standing.pool).where(Standing.board_id == entry.id, Standing.method.in_(methods)).distinct()
    pools = session.scalars(query).all()
    if best is None or len(pools) <= _REFERENCE_ROWS:
        return frozenset(pools)
    newest = sa.select(Run.pool).where(Run.pool.in_(pools)).group_by(Run.pool).order_by(sa.func.max(Run.id).desc())
    return frozenset(session.scalars(newest.limit(_REFERENCE_ROWS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """The column that ranks: the first of the metric's, as on the board itself."""

    conditions: tuple[sa.ColumnElement[bool], ...]
    higher_is_better: bool | None


def _ranked_column(session: Session, entry: Entry, metric: str) -> _Column | None:
    first = (
        sa.select(Standing.region, Standing.convention_id, Standing.higher_is_better)
        .where(Standing.board_id == entry.id, Standing.metric == metric)
        .order_by(Standing.region, Standing.convention_id)
        .limit(1)
    )
    found = session.execute(first).first()
    if found is None:
        return None
    region, convention_id, higher_is_better = found
    conditions = (
        Standing.metric == metric,
        Standing.region == region,
        Standing.convention_id == convention_id,
        Standing.mean.is_not(None),
    )
    return _Column(conditions=conditions, higher_is_better=higher_is_better)


def _best(
    session: Session, competing: Sequence[sa.ColumnElement[bool]], column: _Column | None, best: int
) -> list[str]:
    if column is None:
        return []
    order = Standing.mean.asc() if column.higher_is_better is False else Standing.mean.desc()
    query = sa.select(Standing.pool).where(*competing, *column.conditions)
    return list(session.scalars(query.order_by(order, Standing.method).limit(best)))
