"""The leaderboard's store: plan runs, note how they go, record scores, read all of it back."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, Unpack

import sqlalchemy as sa

from petbench_leaderboard.database import Database
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.records import (
    STATUSES,
    VERIFICATIONS,
    PhaseRow,
    RunChanges,
    RunRecord,
    RunRow,
    ScoreRecord,
    ScoreRow,
)
from petbench_leaderboard.schema import COHORT_LEVEL, Phase, Run, Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

_SCORE_COLUMNS = [getattr(Score, field.name) for field in fields(ScoreRow)]
_SCORE_ORDER = [Score.run_id, Score.protocol, Score.metric, Score.convention_id, Score.region, Score.participant]
_IN_A_BATCH = 500  # values in one IN (...): databases limit the number of bound parameters


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

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def plan(self, record: RunRecord) -> int:
        """Store a run as planned and return its number."""
        run = Run(
            **_columns_of(record),
            uid=uuid.uuid4().hex,
            pool=record.pool,
            status="planned",
            created_at=datetime.now(UTC),
        )
        with self._database.writing() as session:
            session.add(run)
            session.flush()
            return run.id

    def update(self, run_id: int, **changes: Unpack[RunChanges]) -> None:
        """Note what has changed of a run.

        Raises:
            LeaderboardError: there is no such run, column, status or verification.
        """
        unknown = sorted(changes.keys() - RunChanges.__annotations__.keys())
        if unknown:
            raise LeaderboardError(f"a run has no changeable column {unknown[0]!r}")
        _check("status", changes.get("status"), STATUSES)
        _check("verification", changes.get("verification"), VERIFICATIONS)
        with self._database.writing() as session:
            run = _existing(session.get(Run, run_id), run_id, self.name)
            for column, value in changes.items():
                setattr(run, column, value)

    def record_phase(self, run_id: int, phase: str, seconds: float) -> None:
        """Note how long a phase took. A resumed run has several notes of one phase; readers add them up."""
        with self._database.writing() as session:
            _existing(session.get(Run, run_id), run_id, self.name)
            session.add(Phase(run_id=run_id, phase=phase, seconds=seconds, recorded_at=datetime.now(UTC)))

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
            run = _existing(session.get(Run, run_id), run_id, self.name)
            protocol = run.protocol if protocol is None else protocol
            metrics = {score.metric for score in scores}
            same = (Score.run_id == run_id) & (Score.protocol == protocol) & Score.metric.in_(metrics)
            session.execute(sa.delete(Score).where(same))
            rows = [_columns_of(score) | {"participant": score.participant or COHORT_LEVEL} for score in scores]
            if rows:
                session.execute(sa.insert(Score), [row | {"run_id": run_id, "protocol": protocol} for row in rows])

    def delete(self, run_id: int) -> None:
        """Forget a run, its phases and its scores."""
        with self._database.writing() as session:
            session.delete(_existing(session.get(Run, run_id), run_id, self.name))

    def run(self, run_id: int) -> RunRow:
        """Return one run.

        Raises:
            LeaderboardError: there is no such run.
        """
        with self._database.reading() as session:
            return _run_row(_existing(session.get(Run, run_id), run_id, self.name))

    def runs(
        self,
        *,
        dataset: str | None = None,
        split: str | None = None,
        method: str | None = None,
        status: str | None = None,
    ) -> list[RunRow]:
        """Return the runs that match all that is given, newest first."""
        wanted = {"dataset": dataset, "split": split, "method": method, "status": status}
        query = sa.select(Run).order_by(Run.id.desc())
        for column, value in wanted.items():
            if value is not None:
                query = query.where(getattr(Run, column) == value)
        with self._database.reading() as session:
            return [_run_row(run) for run in session.scalars(query)]

    def find(self, identity: str) -> list[RunRow]:
        """Return the runs of one identity, newest first: more than one where it was run again by force."""
        query = sa.select(Run).where(Run.identity == identity).order_by(Run.id.desc())
        with self._database.reading() as session:
            return [_run_row(run) for run in session.scalars(query)]

    def scores(self, run_ids: Iterable[int], *, metrics: Sequence[str] | None = None) -> list[ScoreRow]:
        """Return the scores of some runs, of all metrics or of those named, in a fixed order."""
        numbers = sorted(set(run_ids))
        found: list[ScoreRow] = []
        with self._database.reading() as session:
            for start in range(0, len(numbers), _IN_A_BATCH):
                query = sa.select(*_SCORE_COLUMNS).where(Score.run_id.in_(numbers[start : start + _IN_A_BATCH]))
                if metrics is not None:
                    query = query.where(Score.metric.in_(metrics))
                query = query.order_by(*_SCORE_ORDER)
                found += [_score_row(row) for row in session.execute(query).mappings()]
        return found

    def phases(self, run_id: int) -> list[PhaseRow]:
        """Return what was measured of a run's phases, in the order in which it was."""
        query = sa.select(Phase).where(Phase.run_id == run_id).order_by(Phase.id)
        with self._database.reading() as session:
            return [
                PhaseRow(run_id=row.run_id, phase=row.phase, seconds=row.seconds, recorded_at=row.recorded_at)
                for row in session.scalars(query)
            ]


def _existing(run: Run | None, run_id: int, where: str) -> Run:
    if run is None:
        raise LeaderboardError(f"there is no run {run_id} in {where}: `petbench runs list` shows those there are")
    return run


def _check(name: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise LeaderboardError(f"{value!r} is no {name}: use one of {', '.join(allowed)}")


def _columns_of(record: RunRecord | ScoreRecord) -> dict[str, Any]:
    """Return a record's fields, tuples as lists and mappings as dictionaries, as JSON columns want them."""
    plain: dict[str, Any] = {}
    for name in (field.name for field in fields(record)):
        value = getattr(record, name)
        if isinstance(value, tuple):
            value = list(value)
        plain[name] = dict(value) if hasattr(value, "items") else value
    return plain


def _run_row(run: Run) -> RunRow:
    columns = {field.name: getattr(run, field.name) for field in fields(RunRow)}
    for name in ("test_participants", "split_participants"):
        columns[name] = tuple(columns[name])
    return RunRow(**columns)


def _score_row(row: sa.RowMapping) -> ScoreRow:
    columns = dict(row)
    return ScoreRow(**columns | {"participant": columns["participant"] or None})
