"""What the task of a run asks and decides, beside its name.

Runs of before have none: their tasks decided nothing of their own, and their boards are ordered as they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("task_definition", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("runs", "task_definition")
