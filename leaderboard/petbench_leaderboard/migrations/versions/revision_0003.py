"""How a run's code differed from its commit: a table of its own, so that no table of runs reads the texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "source_diffs",
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("diff", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Forget the differences."""
    op.drop_table("source_diffs")
