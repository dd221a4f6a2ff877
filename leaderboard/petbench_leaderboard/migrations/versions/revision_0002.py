"""Boards and standings beside the runs, so that a table of a few rows does not read a hundred thousand runs.

The rows themselves are worked out by `petbench_leaderboard.cached_means.rebuild`, in the same transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two tables, and say of each run whether it stands on a board."""
    op.add_column("runs", sa.Column("on_board", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("runs_places", "runs", ["pool", "on_board", "seed", "fold"])
    op.create_index("runs_off_board", "runs", ["on_board", "dataset", "split_digest"])
    op.create_table(
        "boards",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("dataset", "fingerprint", "split", "split_digest")),
        sa.Column("protocol", sa.Integer(), nullable=False),
        sa.UniqueConstraint("dataset", "fingerprint", "split", "split_digest", "protocol", name="board_key"),
    )
    op.create_table(
        "standings",
        sa.Column("pool", sa.String(64), primary_key=True),
        sa.Column("board_id", sa.Integer(), sa.ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("metric", "region", "convention_id")),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("higher_is_better", sa.Boolean(), nullable=True),
        sa.Column("mean", sa.Float(53), nullable=True),
        sqlite_with_rowid=False,
    )
    of_column = ["board_id", "metric", "region", "convention_id", "mean", "method"]
    op.create_index("standings_order", "standings", of_column)
    op.create_index("standings_methods", "standings", ["board_id", "method", "pool"])


def downgrade() -> None:
    """Forget what can be worked out again."""
    op.drop_table("standings")
    op.drop_table("boards")
    op.drop_index("runs_off_board", "runs")
    op.drop_index("runs_places", "runs")
    op.drop_column("runs", "on_board")
