"""One word for one thing, and the role of every run.

What 0.1.0 called a pool is a run group, its standings are cached means; stored values get today's words. The digests
of the run groups, which hash those words, and the means are computed again by `petbench_leaderboard.cached_means`, in
the same transaction. A run's identity stays: its folder and its plan bear it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from petbench_leaderboard.words_of_0_1 import METHODS, REFERENCES, SUPERVISIONS, VERIFICATIONS

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RUNS = sa.table("runs", *(sa.column(name, sa.Text) for name in ("method", "supervision", "verification", "role")))


def upgrade() -> None:
    """Rename, and fill in the role that a method's name stood for."""
    op.drop_table("standings")
    op.create_table(
        "cached_means",
        sa.Column("run_group", sa.String(64), primary_key=True),
        sa.Column("board_id", sa.Integer(), sa.ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("metric", "region", "convention_id")),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("higher_is_better", sa.Boolean(), nullable=True),
        sa.Column("mean", sa.Float(53), nullable=True),
        sqlite_with_rowid=False,
    )
    of_column = ["board_id", "metric", "region", "convention_id", "mean", "method", "role"]
    op.create_index("cached_means_order", "cached_means", of_column)
    op.create_index("cached_means_roles", "cached_means", ["board_id", "role", "method", "run_group"])
    op.alter_column("runs", "pool", new_column_name="run_group")
    op.add_column("runs", sa.Column("role", sa.String(16), nullable=False, server_default="competitor"))
    method, supervision = _RUNS.c.method, _RUNS.c.supervision
    _set_role("reference", method.in_(REFERENCES))
    _set_role("privileged", sa.or_(method == "organ-scale", supervision == "oracle"))
    _set_role("repeat-scan", method == "noise-ceiling")
    for column, words in (("method", METHODS), ("supervision", SUPERVISIONS), ("verification", VERIFICATIONS)):
        for old, new in words.items():
            op.execute(sa.update(_RUNS).where(_RUNS.c[column] == old).values({column: new}))


def _set_role(role: str, where: sa.ColumnElement[bool]) -> None:
    op.execute(sa.update(_RUNS).where(where).values(role=role))


def downgrade() -> None:
    """Refuse: what the words were before is not kept."""
    raise NotImplementedError("a leaderboard of this petbench cannot be turned into one of 0.1.0")
