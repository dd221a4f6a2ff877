"""Whose fault a run's ending is, and what kept its method's process from the rest of the machine.

Nobody noted either of older runs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("fault", "isolation")


def upgrade() -> None:
    """Add the columns."""
    for name in _COLUMNS:
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    """Forget them."""
    for name in _COLUMNS:
        op.drop_column("runs", name)
