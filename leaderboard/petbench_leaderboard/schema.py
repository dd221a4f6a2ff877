"""The tables of the leaderboard, as SQLAlchemy classes. Migrations make them; `SCHEMA_REVISION` names the newest.

Nothing here is ever formatted or rounded: what the harness measured is what is stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from petbench_leaderboard.field_uses import may_be_none, value_type
from petbench_leaderboard.records import BOARD_FIELDS, RunRow

SCHEMA_REVISION = "0041"
"""The newest migration. Revisions are numbered: an older petbench knows a newer leaderboard when it sees one."""

DATASET_LEVEL = ""
"""Stored in place of a participant for a score that belongs to all of them: a key column may not be NULL."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, stored and returned in UTC; SQLite itself forgets the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC on the way in."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Put the time zone back on the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Maps Python types to column types for all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        str: Text,
        float: Float(53),
    }


class Run(Base):
    """One run: what was planned, how it went, what it cost.

    Written out are the columns that only the database has and those that queries name; `_add_columns` adds the
    record's others.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_board", "dataset", "split_digest", "run_group"),
        Index("runs_off_board", "on_board", "dataset", "split_digest"),
        Index("runs_places", "run_group", "on_board", "seed", "fold"),
    )

    run_group: Mapped[str] = mapped_column(String(64))
    on_board: Mapped[bool] = mapped_column(default=False)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    identity: Mapped[str] = mapped_column(String(64), index=True)
    method: Mapped[str]
    plugin: Mapped[str]
    role: Mapped[str] = mapped_column(String(16))
    dataset: Mapped[str]
    fingerprint: Mapped[str]
    split: Mapped[str]
    split_digest: Mapped[str]
    budget: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    fold: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    protocol: Mapped[int]
    task: Mapped[str]
    task_definition: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16), index=True)
    verification: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str]
    log_path: Mapped[str | None]
    submitter: Mapped[str]


_COLUMN_TYPES: dict[type, TypeEngine[Any]] = {
    str: Text(),
    int: BigInteger(),
    float: Float(53),
    bool: Boolean(),
    datetime: UtcDateTime(),
    tuple: JSON(),
    Mapping: JSON(),
}


def _add_columns() -> None:
    """Add a column for every field of the record that `Run` does not write out."""
    for field in dataclasses.fields(RunRow):
        if not hasattr(Run, field.name):
            setattr(Run, field.name, mapped_column(_COLUMN_TYPES[value_type(field)], nullable=may_be_none(field)))


_add_columns()


class _ScoreColumns:
    """One metric of one run, participant and region. Stored in the order of its key, so a run's scores lie together."""

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    protocol: Mapped[int] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    convention_id: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    participant: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    unit: Mapped[str]
    higher_is_better: Mapped[bool | None]
    reason: Mapped[str | None]
    extra: Mapped[dict[str, Any]]


class Score(_ScoreColumns, Base):
    """A score of test participants."""

    __tablename__ = "scores"
    __table_args__ = ({"sqlite_with_rowid": False},)


class ValidationScore(_ScoreColumns, Base):
    """A score of validation participants: a table of its own, so that no query of `Score` ever meets one."""

    __tablename__ = "validation_scores"
    __table_args__ = ({"sqlite_with_rowid": False},)


class ValidationMean(Base):
    """The mean of one column of one run group on validation, for conditions; see `validation_scores`."""

    __tablename__ = "validation_means"
    __table_args__ = (Index("validation_means_order", "metric", "mean"), {"sqlite_with_rowid": False})

    run_group: Mapped[str] = mapped_column(String(64), primary_key=True)
    protocol: Mapped[int] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    convention_id: Mapped[str] = mapped_column(primary_key=True)
    mean: Mapped[float | None]


class Metric(Base):
    """What people are shown of one metric in one convention; see `petbench_leaderboard.metric_facts.MetricFacts`."""

    __tablename__ = "metrics"

    metric: Mapped[str] = mapped_column(primary_key=True)
    convention_id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    detail: Mapped[str]
    summary: Mapped[str]
    decimals: Mapped[int]
    best_value: Mapped[float | None]
    shown: Mapped[bool]
    place: Mapped[int]


class Phase(Base):
    """How long one phase of a run took, measured once."""

    __tablename__ = "phases"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    phase: Mapped[str]
    seconds: Mapped[float]
    recorded_at: Mapped[datetime]


class SourceDiff(Base):
    """How the code of a run differed from the commit that it names, as text; only its own page reads it."""

    __tablename__ = "source_diffs"

    run_id: Mapped[int] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    diff: Mapped[str]


class Admission(Base):
    """That a row from elsewhere was taken in, or any row removed: see `petbench_leaderboard.admissions`."""

    __tablename__ = "admissions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    action: Mapped[str]
    submitter: Mapped[str]
    method: Mapped[str]
    source: Mapped[str]
    digest: Mapped[str]
    run_id: Mapped[int]  # no foreign key: the log outlives the run
    uid: Mapped[str] = mapped_column(String(32))


class PredictionDigest(Base):
    """The hash of the voxels of one prediction: the same ones under another name are noticed."""

    __tablename__ = "prediction_digests"
    __table_args__ = (Index("prediction_digests_digest", "digest"), {"sqlite_with_rowid": False})

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    participant: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))


class BoardEntry(Base):
    """One board: what may be compared. Kept beside the runs so that boards are listed without reading all runs."""

    __tablename__ = "boards"
    __table_args__ = (UniqueConstraint(*BOARD_FIELDS, name="board_key"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    dataset: Mapped[str]
    fingerprint: Mapped[str]
    split: Mapped[str]
    split_digest: Mapped[str]
    protocol: Mapped[int]
    task: Mapped[str]


class BoardRow(Base):
    """Whether a run group competes on a board, and what decides it; see `petbench_leaderboard.competing`.

    Computed when runs and scores are written, as `CachedMean` is: who competes is then known without reading runs.
    """

    __tablename__ = "board_rows"
    __table_args__ = (
        Index("board_rows_groups", "run_group"),
        Index("board_rows_methods", "board_id", "role", "method", "distribution", "chosen_by"),
        Index("board_rows_chosen", "board_id", "chosen_by"),
        {"sqlite_with_rowid": False},
    )

    board_id: Mapped[int] = mapped_column(ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True)
    run_group: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    method: Mapped[str]
    distribution: Mapped[str]
    trust: Mapped[int]
    complete: Mapped[bool]
    planned_seconds: Mapped[float]
    validated_by: Mapped[str | None]
    validation_distance: Mapped[float | None]
    chosen_by: Mapped[str | None] = mapped_column(String(16))


class CachedMean(Base):
    """The mean of one column of one run group, computed when scores are written: a table is then an index read.

    Nothing is shown from here: it only says which runs to read.
    """

    __tablename__ = "cached_means"
    __table_args__ = (
        Index("cached_means_order", "board_id", "metric", "region", "convention_id", "mean"),
        {"sqlite_with_rowid": False},
    )

    run_group: Mapped[str] = mapped_column(String(64), primary_key=True)
    board_id: Mapped[int] = mapped_column(ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    convention_id: Mapped[str] = mapped_column(primary_key=True)
    higher_is_better: Mapped[bool | None]
    mean: Mapped[float | None]
