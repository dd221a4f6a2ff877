"""One word for one thing: the names of stored values and tables."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is renamed yet."""


def downgrade() -> None:
    """Nothing was renamed yet."""
