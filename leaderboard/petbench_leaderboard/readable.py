"""What is asked of a leaderboard; nothing here writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from petbench_leaderboard.database import Database
from petbench_leaderboard.rows import run_row
from petbench_leaderboard.run_access import existing_run
from petbench_leaderboard.run_queries import (
    Wanted,
    batches_of_runs,
    count_runs,
    diffs_of_runs,
    newest_runs,
    phases_of_runs,
    runs_of_groups,
    scores_of_runs,
)
from petbench_leaderboard.same_run import same_runs
from petbench_leaderboard.schema import CachedMean, Phase, Run, Score, ValidationMean
from petbench_leaderboard.validation_scores import validation_of_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy.orm import Session

    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.records import RunRow, Verification
    from petbench_leaderboard.score_records import ScoreRow


class ReadableLeaderboard:
    """All runs and scores of one database, to read."""

    def __init__(self, database: Database) -> None:
        """Use an opened database; `Leaderboard.open` is the usual way in."""
        self._database = database

    @classmethod
    def read(cls, location: str | Path) -> Self:
        """Open a leaderboard and leave it as it is until something is stored: nothing is created or migrated.

        One that is not there reads as an empty one; one of an earlier version is read from a migrated copy.

        Raises:
            LeaderboardError: it cannot be read, holds another program's tables, or a newer petbench made it.
        """
        return cls(Database(location))

    @property
    def is_outdated(self) -> bool:
        """Whether the leaderboard has the schema of an earlier version, and is read from a migrated copy."""
        return self._database.is_outdated

    @property
    def file(self) -> Path | None:
        """The file that holds the leaderboard, None where a server does or the memory."""
        return self._database.location.file

    @property
    def name(self) -> str:
        """Where the leaderboard is, for people to read."""
        return self._database.name

    @property
    def place(self) -> str:
        """Where the leaderboard is, one text for one database however it was named; holds no password."""
        return self._database.place

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, run_id: int) -> RunRow:
        """Return one run.

        Raises:
            LeaderboardError: there is no such run.
        """
        with self._database.reading() as session:
            return run_row(existing_run(session, run_id, self.name))

    def runs(
        self,
        *,
        dataset: str | None = None,
        split: str | None = None,
        method: str | None = None,
        status: str | None = None,
        where: str | None = None,
        run_groups: Iterable[str] | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Return the runs that match all that is given, newest first.

        Args:
            dataset: only of this dataset.
            split: only of this split.
            method: only of this method.
            status: only with this status.
            where: a condition such as `device='cpu' and psnr_body_suv20>30`; see `petbench_leaderboard.where`.
            run_groups: only of these run groups.
            limit: at most so many.

        Raises:
            LeaderboardError: the condition is not understood.
        """
        wanted = Wanted(dataset=dataset, split=split, method=method, status=status, where=where)
        with self._database.reading() as session:
            if run_groups is None:
                return newest_runs(session, wanted, limit)
            return runs_of_groups(session, wanted, run_groups, limit)

    def page(self, wanted: Wanted, limit: int) -> list[RunRow]:
        """Return the newest runs that are wanted, at most `limit`; `Wanted.before` asks for the next page.

        Raises:
            LeaderboardError: the condition is not understood.
        """
        with self._database.reading() as session:
            return newest_runs(session, wanted, limit)

    def batches(self, wanted: Wanted, *, oldest_first: bool = False) -> Iterator[list[RunRow]]:
        """Yield all runs that are wanted, newest first, a few at a time in memory, as they are at one moment."""
        with self._database.reading() as session:
            yield from batches_of_runs(session, wanted, oldest_first=oldest_first)

    def count(self, wanted: Wanted | None = None) -> int:
        """Return how many runs are wanted, or all there are."""
        with self._database.reading() as session:
            return count_runs(session, wanted or Wanted())

    def methods(self) -> set[str]:
        """Return the names of all methods that have a run."""
        with self._database.reading() as session:
            return set(session.scalars(sa.select(Run.method).distinct()))

    def find(
        self, identity: str, definition: Mapping[str, object] | None = None, *, verification: Verification | None = None
    ) -> list[RunRow]:
        """Return the runs of one identity, newest first: more than one where it was run again by force.

        Args:
            identity: of the runs.
            definition: of the task that they were made for, `task_definition` of a plan or row: who takes one of them
                for another run names it. None for any, since a task may have changed under its version.
            verification: their origin; None for all, those that somebody sent among them.
        """
        of_origin = () if verification is None else (Run.verification == verification,)
        with self._database.reading() as session:
            return [run_row(run) for run in same_runs(session, identity, definition or {}, *of_origin)]

    def scores(
        self,
        run_ids: Iterable[int],
        *,
        metrics: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        protocol: int | None = None,
    ) -> list[ScoreRow]:
        """Return the scores of some runs, all or those of some metrics, regions or protocol, in a fixed order."""
        wanted = [
            condition
            for condition, given in (
                (Score.metric.in_(metrics or ()), metrics),
                (Score.region.in_(regions or ()), regions),
                (Score.protocol == protocol, protocol),
            )
            if given is not None
        ]
        with self._database.reading() as session:
            return list(scores_of_runs(session, run_ids, *wanted))

    def validation_scores(
        self, run_ids: Iterable[int], *, regions: Sequence[str] | None = None, protocol: int | None = None
    ) -> list[ScoreRow]:
        """Return what some runs scored on their validation participants, which no test score is among."""
        with self._database.reading() as session:
            return list(validation_of_runs(session, run_ids, regions=regions, protocol=protocol))

    def state(self) -> tuple[object, ...]:
        """Return what differs as soon as a run is added, removed, ended, in another phase or has other scores."""
        with self._database.reading() as session:
            runs = session.execute(sa.select(Run.status, sa.func.count(), sa.func.max(Run.id)).group_by(Run.status))
            phases = session.execute(sa.select(sa.func.count(), sa.func.max(Phase.id)))
            means = session.execute(sa.select(sa.func.count(CachedMean.mean), sa.func.sum(CachedMean.mean)))
            of_means = (sa.func.count(ValidationMean.mean), sa.func.sum(ValidationMean.mean))
            validation = session.execute(sa.select(*of_means))
            rest = (*phases, *means, *validation)
            return (*(tuple(row) for row in sorted(runs)), *map(tuple, rest))

    def reading(self) -> AbstractContextManager[Session]:
        """Give a session for a query that this class has no method for; it sees one state throughout."""
        return self._database.reading()

    def phases(self, run_id: int) -> list[PhaseRow]:
        """Return what was measured of a run's phases, in the order in which it was."""
        with self._database.reading() as session:
            return phases_of_runs(session, [run_id])

    def source_diff(self, run_id: int) -> str:
        """Return how the run's code differed from its commit, empty where it did not or nobody knows."""
        with self._database.reading() as session:
            return diffs_of_runs(session, [run_id]).get(run_id, "")
