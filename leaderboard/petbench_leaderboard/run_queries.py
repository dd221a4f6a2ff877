"""Which runs are read, newest or oldest first and a few at a time, and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.phase_rows import PhaseRow
from petbench_leaderboard.rows import in_batches, run_row
from petbench_leaderboard.schema import Phase, Run, Score, SourceDiff
from petbench_leaderboard.score_tables import read_scores
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow

AT_ONCE = 200
"""Runs that are in memory together while many are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs are asked for; all that is given must hold.

    Attributes:
        dataset: of this dataset.
        split: of this split.
        method: of this method.
        status: with this status.
        statuses: with one of these.
        where: that fulfil a condition; see `petbench_leaderboard.where`.
        before: with a smaller number than this.
    """

    dataset: str | None = None
    split: str | None = None
    method: str | None = None
    status: str | None = None
    statuses: Collection[str] | None = None
    where: str | None = None
    before: int | None = None

    def conditions(self, session: Session) -> list[sa.ColumnElement[bool]]:
        """Return what the runs fulfil.

        Raises:
            RequestError: the condition is not understood.
        """
        equal = [
            getattr(Run, name) == getattr(self, name)
            for name in ("dataset", "split", "method", "status")
            if getattr(self, name) is not None
        ]
        if self.statuses is not None:
            equal.append(Run.status.in_(sorted(self.statuses)))
        if self.where is not None:
            equal.append(matching(session, parse(self.where)))
        if self.before is not None:
            equal.append(Run.id < self.before)
        return equal


def newest_runs(session: Session, wanted: Wanted, limit: int | None) -> list[RunRow]:
    """Return the newest runs that are wanted, at most `limit`."""
    query = sa.select(Run).where(*wanted.conditions(session)).order_by(Run.id.desc()).limit(limit)
    return [run_row(run) for run in session.scalars(query)]


def runs_of_groups(session: Session, wanted: Wanted, run_groups: Iterable[str], limit: int | None) -> list[RunRow]:
    """Return the newest wanted runs of some run groups."""
    query = sa.select(Run).where(*wanted.conditions(session))
    found = [
        run_row(run)
        for some in in_batches(sorted(set(run_groups)))
        for run in session.scalars(query.where(Run.run_group.in_(some)))
    ]
    return sorted(found, key=lambda run: run.id, reverse=True)[:limit]


def batches_of_runs(session: Session, wanted: Wanted, *, oldest_first: bool) -> Iterator[list[RunRow]]:
    """Yield all runs that are wanted, a few at a time; one added meanwhile is not among them.

    A page begins where the last one ended, by the run's number: no page costs more than the first.
    """
    order = Run.id.asc() if oldest_first else Run.id.desc()
    query = sa.select(Run).where(*wanted.conditions(session)).order_by(order).limit(AT_ONCE)
    last: int | None = None
    while True:
        beyond = [] if last is None else [Run.id > last if oldest_first else Run.id < last]
        some = [run_row(run) for run in session.scalars(query.where(*beyond))]
        session.expunge_all()
        if some:
            yield some
        if len(some) < AT_ONCE:
            return
        last = some[-1].id


def count_runs(session: Session, wanted: Wanted) -> int:
    """Return how many runs are wanted."""
    return session.scalar(sa.select(sa.func.count(Run.id)).where(*wanted.conditions(session))) or 0


def scores_of_runs(session: Session, run_ids: Iterable[int], *conditions: sa.ColumnElement[bool]) -> Iterator[ScoreRow]:
    """Yield the scores of some runs that fulfil all conditions, in a fixed order."""
    return read_scores(session, Score, run_ids, *conditions)


def phases_of_runs(session: Session, run_ids: Iterable[int]) -> list[PhaseRow]:
    """Return what was measured of some runs' phases, in the order in which it was."""
    query = sa.select(Phase).order_by(Phase.id)
    return [
        PhaseRow(run_id=row.run_id, phase=row.phase, seconds=row.seconds, recorded_at=row.recorded_at)
        for some in in_batches(run_ids)
        for row in session.scalars(query.where(Phase.run_id.in_(some)))
    ]


def diffs_of_runs(session: Session, run_ids: Iterable[int]) -> dict[int, str]:
    """Return how the code of some runs differed from its commit, by the run's number, where that is known."""
    query = sa.select(SourceDiff.run_id, SourceDiff.diff)
    return {
        run_id: diff
        for some in in_batches(run_ids)
        for run_id, diff in session.execute(query.where(SourceDiff.run_id.in_(some)))
    }
