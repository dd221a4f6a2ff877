"""One competing row a method: what decides which, and what of a run's parameters was changed.

The new table and the means, which need fewer columns, are computed again by `petbench_leaderboard.cached_means`, in the
same transaction. Nobody noted of older runs which parameters were changed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; make the cached means anew."""
    op.add_column("runs", sa.Column("changed_parameters", sa.JSON(), nullable=True))
    op.create_table(
        "board_rows",
        _board(),
        sa.Column("run_group", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("method", "distribution")),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("planned_seconds", sa.Float(53), nullable=False),
        sa.Column("validated_by", sa.Text(), nullable=True),
        sa.Column("validation_distance", sa.Float(53), nullable=True),
        sa.Column("chosen_by", sa.String(16), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("board_rows_groups", "board_rows", ["run_group"])
    op.create_index("board_rows_methods", "board_rows", ["board_id", "role", "method", "distribution", "chosen_by"])
    op.create_index("board_rows_chosen", "board_rows", ["board_id", "chosen_by"])
    op.drop_table("cached_means")
    _create_means()


def downgrade() -> None:
    """Forget both; the means are left empty."""
    op.drop_table("cached_means")
    _create_means(sa.Column("method", sa.Text(), nullable=False), sa.Column("role", sa.String(16), nullable=False))
    op.create_index("cached_means_roles", "cached_means", ["board_id", "role", "method", "run_group"])
    op.drop_table("board_rows")
    op.drop_column("runs", "changed_parameters")


def _create_means(*more: sa.Column[str]) -> None:
    op.create_table(
        "cached_means",
        sa.Column("run_group", sa.String(64), primary_key=True),
        _board(),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("metric", "region", "convention_id")),
        *more,
        sa.Column("higher_is_better", sa.Boolean(), nullable=True),
        sa.Column("mean", sa.Float(53), nullable=True),
        sqlite_with_rowid=False,
    )
    of_column = ["board_id", "metric", "region", "convention_id", "mean", *(column.name for column in more)]
    op.create_index("cached_means_order", "cached_means", of_column)


def _board() -> sa.Column[int]:
    return sa.Column("board_id", sa.Integer(), sa.ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True)
