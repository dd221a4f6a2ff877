"""Which runs a board must read: of a hundred thousand, those of the best rows and the references.

The order comes from the cached means; every number that is shown is computed again from the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.records import ROLES
from petbench_leaderboard.rows import run_row
from petbench_leaderboard.schema import BoardEntry, CachedMean, Run
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_REFERENCE_ROLES = [role for role in ROLES if role != "competitor"]
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
class Selection:
    """Run groups to read, those of them to show, and how many more there are."""

    read: frozenset[str]
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


def select_rows(
    leaderboard: Leaderboard, entry: Entry, *, metric: str, where: str | None, best: int | None
) -> Selection:
    """Return which run groups of a board to read, and which of them to show."""
    with leaderboard.reading() as session:
        fitting = [CachedMean.board_id == entry.id]
        if where is not None:
            condition = matching(session, parse(where), board=entry.id)
            fitting.append(CachedMean.run_group.in_(sa.select(Run.run_group).where(condition)))
        references = _references(session, entry, best)
        if best is None:
            shown = frozenset(session.scalars(sa.select(CachedMean.run_group).where(*fitting).distinct()))
            return Selection(read=shown | references, shown=shown, omitted=0)
        competing = [*fitting, CachedMean.role == "competitor"]
        column = _ranked_column(session, entry, metric)
        competitors = _best(session, competing, column, best)
        if len(competitors) < best:
            others = (
                sa.select(CachedMean.run_group).where(*competing, CachedMean.run_group.not_in(competitors)).distinct()
            )
            competitors += session.scalars(others.limit(best - len(competitors))).all()
        omitted = 0
        if len(competitors) == best and column is not None:
            total = session.scalar(sa.select(sa.func.count()).where(*competing, *column.conditions)) or 0
            omitted = max(total - len(competitors), 0)
        fits = sa.select(CachedMean.run_group).where(*fitting, CachedMean.run_group.in_(references)).distinct()
        shown = frozenset(competitors) | (frozenset(session.scalars(fits)) if where is not None else references)
        return Selection(read=shown | references, shown=shown, omitted=omitted)


def off_board_runs(leaderboard: Leaderboard, entry: Entry, *, where: str | None, limit: int) -> list[RunRow]:
    """Return the newest runs of a board without a score, but for those that another run has replaced."""
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
        groups = {run.run_group for run in found}
        places = sa.select(Run.run_group, Run.seed, Run.fold).where(Run.run_group.in_(groups), Run.on_board.is_(True))
        resolved = {tuple(place) for place in session.execute(places.distinct())}
    return [run for run in found if (run.run_group, run.seed, run.fold) not in resolved]


def _references(session: Session, entry: Entry, best: int | None) -> frozenset[str]:
    """Return the references of a board; of all rows, those alone that gains and normalized scores need."""
    query = sa.select(CachedMean.run_group).where(CachedMean.board_id == entry.id)
    if best is None:
        needed = sa.or_(CachedMean.role == "predictable", CachedMean.method == IDENTITY_METHOD)
        return frozenset(session.scalars(query.where(needed).distinct()))
    groups = session.scalars(query.where(CachedMean.role.in_(_REFERENCE_ROLES)).distinct()).all()
    if len(groups) <= _REFERENCE_ROWS:
        return frozenset(groups)
    of_groups = sa.select(Run.run_group).where(Run.run_group.in_(groups)).group_by(Run.run_group)
    return frozenset(session.scalars(of_groups.order_by(sa.func.max(Run.id).desc()).limit(_REFERENCE_ROWS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """The column that ranks: the first of the metric's, as on the board itself."""

    conditions: tuple[sa.ColumnElement[bool], ...]
    higher_is_better: bool | None


def _ranked_column(session: Session, entry: Entry, metric: str) -> _Column | None:
    first = (
        sa.select(CachedMean.region, CachedMean.convention_id, CachedMean.higher_is_better)
        .where(CachedMean.board_id == entry.id, CachedMean.metric == metric)
        .order_by(CachedMean.region, CachedMean.convention_id)
        .limit(1)
    )
    found = session.execute(first).first()
    if found is None:
        return None
    region, convention_id, higher_is_better = found
    conditions = (
        CachedMean.metric == metric,
        CachedMean.region == region,
        CachedMean.convention_id == convention_id,
        CachedMean.mean.is_not(None),
    )
    return _Column(conditions=conditions, higher_is_better=higher_is_better)


def _best(
    session: Session, competing: Sequence[sa.ColumnElement[bool]], column: _Column | None, best: int
) -> list[str]:
    if column is None:
        return []
    order = CachedMean.mean.asc() if column.higher_is_better is False else CachedMean.mean.desc()
    query = sa.select(CachedMean.run_group).where(*competing, *column.conditions)
    return list(session.scalars(query.order_by(order, CachedMean.method).limit(best)))
