"""The leaderboard's store: plan runs, note how they go, record scores, read all of it back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Self, Unpack

import sqlalchemy as sa

from petbench_leaderboard.cached_means import board_key, board_number, refresh
from petbench_leaderboard.database import Database
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_for
from petbench_leaderboard.merging import merge_run, replace_diff
from petbench_leaderboard.metric_table import read_metrics, store_metrics
from petbench_leaderboard.records import STATUSES, VERIFICATIONS, PhaseRow, RunRecord, RunRow
from petbench_leaderboard.rows import SCORE_COLUMNS, columns_of, in_batches, run_row, score_columns, score_row
from petbench_leaderboard.run_access import existing_run, refuse_under_way
from petbench_leaderboard.schema import CachedMean, Phase, Run, Score, SourceDiff
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunChanges
    from petbench_leaderboard.score_records import ScoreRecord, ScoreRow

_SCORE_ORDER = [Score.run_id, Score.protocol, Score.metric, Score.convention_id, Score.region, Score.participant]
_CHANGEABLE = fields_for(RunRow, "change")
_DECIDES = {"status", "verification", "machine", "validation_score", "validation_metric", "validation_convention"}


class Leaderboard:
    """All runs and scores of one database. Safe to use from many processes at once."""

    def __init__(self, database: Database) -> None:
        """Use an opened database; `Leaderboard.open` is the usual way in."""
        self._database = database

    @classmethod
    def open(cls, location: str | Path) -> Self:
        """Open the leaderboard in a file or at a SQLAlchemy URL; create it, or migrate it to this version's schema.

        Raises:
            LeaderboardError: it cannot be opened, or a newer petbench made it.
        """
        return cls(Database(location))

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

    def plan(self, record: RunRecord, uid: str | None = None, *, alone: bool = False) -> int:
        """Store a run as planned and return its number; its `uid` is a new one where none is given.

        With `alone`, the same run may not be under way: of two that plan it at once, wherever they are, one is refused.

        Raises:
            UnderWayError: it is, and `alone` was asked for.
        """
        run = Run(
            **columns_of(record),
            uid=uid or uuid.uuid4().hex,
            run_group=record.run_group,
            status="planned",
            created_at=datetime.now(UTC),
        )
        with self._database.writing() as session:
            if alone:
                refuse_under_way(session, record.identity)
            session.add(run)
            session.flush()
            board_number(session, board_key(run_row(run), run.protocol))
            return run.id

    def update(self, run_id: int, **changes: Unpack[RunChanges]) -> None:
        """Note what has changed of a run.

        Raises:
            LeaderboardError: there is no such run, column, status or verification.
        """
        unknown = sorted(changes.keys() - set(_CHANGEABLE))
        if unknown:
            raise LeaderboardError(f"a run has no changeable column {unknown[0]!r}")
        _check("status", changes.get("status"), STATUSES)
        _check("verification", changes.get("verification"), VERIFICATIONS)
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            for column, value in changes.items():
                setattr(run, column, value)
            if changes.keys() & _DECIDES:
                before, run.run_group = run.run_group, run_row(run).run_group
                refresh(session, {before, run.run_group})

    def record_phase(self, run_id: int, phase: str, seconds: float) -> None:
        """Note how long a phase took. A resumed run has several notes of one phase; readers add them up."""
        with self._database.writing() as session:
            existing_run(session, run_id, self.name)
            session.add(Phase(run_id=run_id, phase=phase, seconds=seconds, recorded_at=datetime.now(UTC)))

    def record_source_diff(self, run_id: int, diff: str) -> None:
        """Store how the run's code differs from the commit that it names, in place of an earlier text; empty: nothing.

        Raises:
            LeaderboardError: there is no such run.
        """
        with self._database.writing() as session:
            existing_run(session, run_id, self.name)
            replace_diff(session, run_id, diff)

    def record_scores(self, run_id: int, scores: Iterable[ScoreRecord], *, protocol: int | None = None) -> None:
        """Store a run's scores, all or none, in place of earlier ones of the same metrics and protocol.

        Args:
            run_id: whose scores.
            scores: of any number of metrics; metrics that are not among them keep the scores they have.
            protocol: version of the rules that the scores were computed by; None means the run's own.

        Raises:
            LeaderboardError: there is no such run, or one score is given twice.
        """
        scores = list(scores)
        keys = {(score.metric, score.convention_id, score.region, score.participant) for score in scores}
        if len(keys) < len(scores):
            raise LeaderboardError(f"run {run_id} was given one score twice: nothing was stored")
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            protocol = run.protocol if protocol is None else protocol
            metrics = {score.metric for score in scores}
            same = (Score.run_id == run_id) & (Score.protocol == protocol) & Score.metric.in_(metrics)
            session.execute(sa.delete(Score).where(same))
            if scores:
                session.execute(sa.insert(Score), [score_columns(score, run_id, protocol) for score in scores])
            store_metrics(session, scores, known_stay=False)
            refresh(session, [run.run_group])

    def delete(self, run_id: int) -> None:
        """Forget a run, its phases and its scores."""
        with self._database.writing() as session:
            run = existing_run(session, run_id, self.name)
            session.delete(run)
            refresh(session, [run.run_group])

    def merge_run(
        self, run: RunRow, scores: Sequence[ScoreRow], phases: Sequence[PhaseRow], *, source_diff: str = ""
    ) -> Literal["new", "more", "known"]:
        """Merge a run of another leaderboard under its own uid, and return whether it was new.

        Of a run that is here already, what is missing is added: the end of one that had not ended, and scores of
        metrics and protocols that it lacks. Only a self-reported row is overwritten, by a verified row of the same
        run, so merging twice changes nothing.
        Its log and folder stay where they were made: `log_path` is not copied.
        """
        with self._database.writing() as session:
            before = session.scalar(sa.select(Run.run_group).where(Run.uid == run.uid)) or run.run_group
            outcome = merge_run(session, run, scores, phases, source_diff)
            if outcome != "known":
                refresh(session, {before, run.run_group})
            return outcome

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
        wanted = {"dataset": dataset, "split": split, "method": method, "status": status}
        query = sa.select(Run).order_by(Run.id.desc())
        for column, value in wanted.items():
            if value is not None:
                query = query.where(getattr(Run, column) == value)
        with self._database.reading() as session:
            if where is not None:
                query = query.where(matching(session, parse(where)))
            if run_groups is None:
                return [run_row(run) for run in session.scalars(query.limit(limit))]
            found = [
                run_row(run)
                for some in in_batches(sorted(set(run_groups)))
                for run in session.scalars(query.where(Run.run_group.in_(some)))
            ]
            return sorted(found, key=lambda run: run.id, reverse=True)[:limit]

    def find(self, identity: str) -> list[RunRow]:
        """Return the runs of one identity, newest first: more than one where it was run again by force."""
        query = sa.select(Run).where(Run.identity == identity).order_by(Run.id.desc())
        with self._database.reading() as session:
            return [run_row(run) for run in session.scalars(query)]

    def scores(
        self,
        run_ids: Iterable[int],
        *,
        metrics: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        protocol: int | None = None,
    ) -> list[ScoreRow]:
        """Return the scores of some runs, all or those of some metrics, regions or protocol, in a fixed order."""
        found: list[ScoreRow] = []
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
            known = read_metrics(session)
            for some in in_batches(sorted(set(run_ids))):
                query = sa.select(*SCORE_COLUMNS).where(Score.run_id.in_(some), *wanted).order_by(*_SCORE_ORDER)
                found += [score_row(row, known) for row in session.execute(query).mappings()]
        return found

    def state(self) -> tuple[object, ...]:
        """Return what differs as soon as a run is added, removed, ended, in another phase or has other scores."""
        with self._database.reading() as session:
            runs = session.execute(sa.select(Run.status, sa.func.count(), sa.func.max(Run.id)).group_by(Run.status))
            phases = session.execute(sa.select(sa.func.count(), sa.func.max(Phase.id)))
            means = session.execute(sa.select(sa.func.count(CachedMean.mean), sa.func.sum(CachedMean.mean)))
            return (*(tuple(row) for row in sorted(runs)), *map(tuple, phases), *map(tuple, means))

    def reading(self) -> AbstractContextManager[Session]:
        """Give a session for a query that this class has no method for; it sees one state throughout."""
        return self._database.reading()

    def phases(self, run_id: int) -> list[PhaseRow]:
        """Return what was measured of a run's phases, in the order in which it was."""
        query = sa.select(Phase).where(Phase.run_id == run_id).order_by(Phase.id)
        with self._database.reading() as session:
            return [
                PhaseRow(run_id=row.run_id, phase=row.phase, seconds=row.seconds, recorded_at=row.recorded_at)
                for row in session.scalars(query)
            ]

    def source_diff(self, run_id: int) -> str:
        """Return how the run's code differed from its commit, empty where it did not or nobody knows."""
        with self._database.reading() as session:
            return session.scalar(sa.select(SourceDiff.diff).where(SourceDiff.run_id == run_id)) or ""


def _check(name: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise LeaderboardError(f"{value!r} is no {name}: use one of {', '.join(allowed)}")
