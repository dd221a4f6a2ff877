"""Which runs a board must read: of a hundred thousand, those of the best rows and the references.

Order, and which rows compete, come from what is kept beside the runs; every number that is shown is computed again from
the scores.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import nsmallest
from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from petbench_leaderboard.board import BestOf
from petbench_leaderboard.competing import Candidate, choose
from petbench_leaderboard.errors import UnknownOnLeaderboardError
from petbench_leaderboard.ranked_column import columns_of_metric
from petbench_leaderboard.rows import run_row
from petbench_leaderboard.schema import BoardEntry, BoardRow, CachedMean, Run
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.board import ChosenBy
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.ranked_column import RankedColumn
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

Method: TypeAlias = tuple[str, str]
"""A method's name and the distribution that ships it."""

_FIELDS = [getattr(BoardRow, name) for name in Candidate._fields]
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
    """What a board shows.

    Attributes:
        read: run groups to read.
        shown: those of them to show.
        omitted: how many more rows of competing methods there are.
        column: which one ranks; None where nothing was scored by the metric.
        competing: the run groups that compete, and why.
        best_of: what all rows of a method come to, for methods with more than one.
    """

    read: frozenset[str]
    shown: frozenset[str]
    omitted: int
    column: RankedColumn | None
    competing: Mapping[str, ChosenBy]
    best_of: Mapping[Method, BestOf]


def board_entries(leaderboard: Leaderboard, *, dataset: str | None, split: str | None) -> list[Entry]:
    """Return the boards of a dataset and split, or all.

    Raises:
        UnknownOnLeaderboardError: no run is of a dataset or split of this name.
    """
    with leaderboard.reading() as session:
        boards = list(session.scalars(sa.select(BoardEntry)))
        for kind, wanted, names in (
            ("dataset", dataset, [board.dataset for board in boards]),
            ("split", split, [board.split for board in boards if dataset in (None, board.dataset)]),
        ):
            if wanted is not None and wanted not in names:
                raise UnknownOnLeaderboardError(f"{kind} on this leaderboard", wanted, set(names))
        return [
            Entry(id=board.id, key=(board.dataset, board.fingerprint, board.split, board.split_digest, board.protocol))
            for board in boards
            if dataset in (None, board.dataset) and split in (None, board.split)
        ]


def select_rows(
    leaderboard: Leaderboard, entry: Entry, *, metric: str, where: str | None, best: int | None
) -> Selection:
    """Return which run groups of a board to read, which of them to show, and which compete.

    A condition narrows the rows among which one is chosen to compete; what all rows of a method come to is said of the
    whole board.
    """
    with leaderboard.reading() as session:
        candidates = _candidates(session, entry)
        references = _references(session, entry)
        fitting: frozenset[str] | None = None
        if where is not None:
            query = sa.select(Run.run_group).where(matching(session, parse(where))).distinct()
            fitting = frozenset(session.scalars(query))
        column, means = _ranked(session, entry, metric, fitting)
    fits = candidates if fitting is None else [row for row in candidates if row.run_group in fitting]
    competing = choose(fits)
    distances = _distances(column, means)
    shown = _best(fits, competing, distances, len(fits) if best is None else best)
    needed = references if best is None else references[:_REFERENCE_ROWS]
    return Selection(
        read=frozenset((*shown, *needed)),
        shown=frozenset((*shown, *(row for row in needed if fitting is None or row in fitting))),
        omitted=len(fits) - len(shown),
        column=column,
        competing=competing,
        best_of=_best_of(candidates, means, distances),
    )


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


def _candidates(session: Session, entry: Entry) -> list[Candidate]:
    """Return the rows of methods that compete."""
    query = sa.select(*_FIELDS).where(BoardRow.board_id == entry.id, BoardRow.role == "competitor")
    return [Candidate._make(row) for row in session.execute(query)]


def _references(session: Session, entry: Entry) -> list[str]:
    """Return the other rows: the newest verified one of every method first, then the second newest, and so on."""
    query = (
        sa.select(BoardRow.method, BoardRow.role, BoardRow.run_group)
        .where(BoardRow.board_id == entry.id, BoardRow.role != "competitor")
        .order_by(BoardRow.verified.desc(), BoardRow.planned_seconds.desc(), BoardRow.run_group)
    )
    of_method: dict[tuple[str, str], list[str]] = defaultdict(list)
    for method, role, run_group in session.execute(query):
        of_method[method, role].append(run_group)
    return [row for rows in zip_longest(*of_method.values()) for row in rows if row is not None]


def _ranked(
    session: Session, entry: Entry, metric: str, fitting: frozenset[str] | None
) -> tuple[RankedColumn | None, dict[str, float]]:
    """Return the column that ranks, and its means by run group: the metric's first that any of the rows has."""
    columns = columns_of_metric(session, entry.id, metric)
    for column in columns:
        query = sa.select(CachedMean.run_group, CachedMean.mean).where(
            CachedMean.board_id == entry.id,
            CachedMean.metric == metric,
            CachedMean.region == column.region,
            CachedMean.convention_id == column.convention_id,
            CachedMean.mean.is_not(None),
        )
        means = {run_group: mean for run_group, mean in session.execute(query) if mean is not None}
        if fitting is None or not fitting.isdisjoint(means):
            return column, means
    return (columns[0] if columns else None), {}


def _distances(column: RankedColumn | None, means: Mapping[str, float]) -> dict[str, float]:
    """Return the means of run groups as numbers that are smaller the better they are; none that order nothing."""
    if column is None:
        return {}
    found = {run_group: column.distance(mean) for run_group, mean in means.items()}
    return {run_group: distance for run_group, distance in found.items() if distance is not None}


def _best(
    rows: Sequence[Candidate], competing: Mapping[str, ChosenBy], distances: Mapping[str, float], most: int
) -> list[str]:
    """Return the best rows: those that compete, then methods of which no row does, then variants."""
    of_competing = {(row.method, row.distribution) for row in rows if row.run_group in competing}

    def place(row: Candidate) -> tuple[bool, float, str, str]:
        variant = row.run_group not in competing and (row.method, row.distribution) in of_competing
        return variant, distances.get(row.run_group, inf), row.method, row.run_group

    return [row.run_group for row in nsmallest(most, rows, key=place)]


def _best_of(
    rows: Iterable[Candidate], means: Mapping[str, float], distances: Mapping[str, float]
) -> dict[Method, BestOf]:
    """Return what the rows of each method come to that has more than one."""
    of_method: dict[Method, list[str]] = defaultdict(list)
    for row in rows:
        of_method[row.method, row.distribution].append(row.run_group)
    found = {}
    for method, groups in of_method.items():
        if len(groups) > 1:
            ranked = [group for group in groups if group in distances]
            best = min(ranked, key=distances.__getitem__, default=None)
            found[method] = BestOf(rows=len(groups), mean=None if best is None else means[best])
    return found
