"""Which subgroups the participants of a run belong to, so that they can be compared without the dataset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, with nothing known of older runs: scoring them again notes it."""
    op.add_column("runs", sa.Column("subgroups", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("runs", "subgroups")
