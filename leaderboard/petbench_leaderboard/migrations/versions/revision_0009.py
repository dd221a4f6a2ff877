"""How well a run predicted its validation participants while it trained: what the time to a target is read from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with nothing known of older runs: scoring them again reads it from their logs."""
    op.add_column("runs", sa.Column("validation_history", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("runs", "validation_history")
