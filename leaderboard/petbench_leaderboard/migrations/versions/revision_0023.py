"""Every metric on the validation participants, in tables of their own; nobody knows them of older runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_COLUMN = ("metric", "region", "convention_id")


def upgrade() -> None:
    """Add the tables; scoring a run again fills them."""
    op.create_table(
        "validation_scores",
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("protocol", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("metric", "convention_id", "region")),
        sa.Column("participant", sa.Text(), primary_key=True),
        sa.Column("value", sa.Float(53), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("higher_is_better", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "validation_means",
        sa.Column("run_group", sa.String(64), primary_key=True),
        sa.Column("protocol", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in _COLUMN),
        sa.Column("mean", sa.Float(53), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("validation_means_order", "validation_means", ["metric", "mean"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("validation_means")
    op.drop_table("validation_scores")
