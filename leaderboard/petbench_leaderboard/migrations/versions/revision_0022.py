"""How the settings of a run were found, where a search found them, and what the search cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: of no older run is a search known."""
    op.add_column("runs", sa.Column("tuning", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("runs", "tuning")
