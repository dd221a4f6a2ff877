"""What a run is for: to test a method, or only to be looked at on the validation participants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: every older run was to be tested."""
    op.add_column("runs", sa.Column("purpose", sa.Text(), nullable=False, server_default="test"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("runs", "purpose")
