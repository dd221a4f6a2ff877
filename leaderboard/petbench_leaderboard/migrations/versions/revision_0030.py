"""How many views of a scan a run averages, and how many samples of each prediction it keeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every run of before has one view of each scan, and no sample."""
    op.add_column("runs", sa.Column("views", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("keep_samples", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("runs", "keep_samples")
    op.drop_column("runs", "views")
