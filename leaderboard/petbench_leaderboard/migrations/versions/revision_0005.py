"""What people are shown of a metric is stored beside its scores: a metric can be read without the code that made it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from petbench_leaderboard.migrations.metrics_0_1_0 import METRICS_OF_0_1_0

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, with a row for each of 0.1.0's own metrics and conventions that there are scores of."""
    metrics = op.create_table(
        "metrics",
        sa.Column("metric", sa.Text(), primary_key=True),
        sa.Column("convention_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("label", "detail", "summary")),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("best_value", sa.Float(53), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
    )
    scores = sa.table("scores", sa.column("metric", sa.Text()), sa.column("convention_id", sa.Text()))
    found = op.get_bind().execute(sa.select(scores.c.metric, scores.c.convention_id).distinct()).all()
    rows = [
        {"metric": metric, "convention_id": convention} | METRICS_OF_0_1_0[metric]
        for metric, convention in found
        if metric in METRICS_OF_0_1_0
    ]
    op.bulk_insert(metrics, rows)


def downgrade() -> None:
    """Forget what is shown of metrics."""
    op.drop_table("metrics")
