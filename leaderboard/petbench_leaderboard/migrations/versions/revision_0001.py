"""Runs, scores and phases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first three tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("pool", sa.String(64), nullable=False),
        *(_text(name) for name in ("method", "plugin", "distribution", "version", "source_hash", "supervision")),
        _text("preset", nullable=True),
        _json("parameters"),
        *(_text(name) for name in ("dataset", "fingerprint", "split", "split_digest")),
        sa.Column("fold", sa.Integer(), nullable=False),
        _json("test_participants"),
        _json("split_participants"),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        _text("precision"),
        _text("budget"),
        sa.Column("protocol", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("verification", sa.String(16), nullable=False),
        *(_text(name, nullable=True) for name in ("phase", "error_class", "error_message", "log_path")),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("started_at", instant, nullable=True),
        sa.Column("ended_at", instant, nullable=True),
        _text("device", nullable=True),
        _json("machine"),
        _json("environment"),
        sa.Column("images_seen", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.Float(53), nullable=True)
            for name in ("train_seconds", "images_per_second", "seconds_per_volume")
        ),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("peak_memory_bytes", "peak_device_memory_bytes", "parameter_count")
        ),
    )
    op.create_index("ix_runs_identity", "runs", ["identity"])
    op.create_index("ix_runs_status", "runs", ["status"])
    op.create_index("runs_board", "runs", ["dataset", "split_digest", "pool"])
    op.create_table(
        "scores",
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("protocol", sa.Integer(), primary_key=True),
        *(
            sa.Column(name, sa.Text(), primary_key=True)
            for name in ("metric", "convention_id", "region", "participant")
        ),
        sa.Column("value", sa.Float(53), nullable=True),
        _text("unit"),
        sa.Column("higher_is_better", sa.Boolean(), nullable=True),
        _text("reason", nullable=True),
        _json("extra"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "phases",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        _text("phase"),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
    )
    op.create_index("ix_phases_run_id", "phases", ["run_id"])


def downgrade() -> None:
    """Drop everything: before the first revision there was nothing."""
    for table in ("phases", "scores", "runs"):
        op.drop_table(table)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)
