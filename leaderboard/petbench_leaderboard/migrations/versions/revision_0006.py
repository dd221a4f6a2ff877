"""What protocol 2 knows of a run: how its participants were drawn, whether their truth is known, how it validates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXTS = ("sampling", "validation_metric", "validation_convention")


def upgrade() -> None:
    """Add the columns; nobody knows these things of older runs."""
    for name in _TEXTS:
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("validation_score", sa.Float(53), nullable=True))
    op.add_column("runs", sa.Column("has_truth", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    for name in (*_TEXTS, "validation_score", "has_truth"):
        op.drop_column("runs", name)
