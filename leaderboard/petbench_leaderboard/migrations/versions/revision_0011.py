"""Whose a row is: one's own rows have a word, others name their submitter, and a log says who was taken in and when.

Rows that were `rescored` and came in no submission are `own`. Numbers that are not finite, which no output can carry,
become missing ones: a score with its reason, a fact without. The digests of the run groups, which hash those words, and
the means are computed again by `petbench_leaderboard.cached_means`, in the same transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from petbench_leaderboard.records import SUBMISSION
from petbench_leaderboard.storable import cleaned

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

_RUNS = sa.table("runs", sa.column("id", sa.Integer), sa.column("verification", sa.Text), sa.column("machine", sa.JSON))
_SCORES = sa.table("scores", sa.column("value", sa.Float), sa.column("reason", sa.Text))
_SCORE_KEY = ("run_id", "protocol", "metric", "convention_id", "region", "participant")
_LARGEST = 1.7976931348623157e308


def upgrade() -> None:
    """Add the column and the tables, and put today's words."""
    op.add_column("runs", sa.Column("submitter", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "admissions",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("action", "submitter", "method", "source", "digest")),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
    )
    op.create_table(
        "prediction_digests",
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("participant", sa.Text(), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("prediction_digests_digest", "prediction_digests", ["digest"])
    connection = op.get_bind()
    rescored = sa.select(_RUNS.c.id, _RUNS.c.machine).where(_RUNS.c.verification == "rescored")
    own = [row.id for row in connection.execute(rescored) if SUBMISSION not in (row.machine or {})]
    for start in range(0, len(own), 500):
        some = _RUNS.c.id.in_(own[start : start + 500])
        op.execute(sa.update(_RUNS).where(some).values(verification="own"))
    _clean_facts(
        connection, "runs", ("id",), ("parameters", "changed_parameters", "machine", "environment", "subgroups")
    )
    _clean_facts(connection, "scores", _SCORE_KEY, ("extra",))
    infinite = sa.func.abs(_SCORES.c.value) > _LARGEST
    op.execute(sa.update(_SCORES).where(infinite).values(value=None, reason="infinite, which no mean can hold"))


def _clean_facts(connection: sa.Connection, name: str, key: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Mend facts with `Infinity` or `NaN` in them, which SQLite has taken for JSON."""
    for column in columns:
        table = sa.table(name, *(sa.column(each) for each in key), sa.column(column, sa.JSON))
        text = sa.cast(table.c[column], sa.Text)
        odd = sa.or_(text.contains("Infinity", autoescape=True), text.contains("NaN", autoescape=True))
        keys = [table.c[each] for each in key]
        for row in connection.execute(sa.select(*keys, table.c[column]).where(odd)).all():
            here = (each == value for each, value in zip(keys, row, strict=False))
            connection.execute(sa.update(table).where(*here).values({column: cleaned(row[-1])}))


def downgrade() -> None:
    """Forget whose the rows are."""
    op.execute(sa.update(_RUNS).where(_RUNS.c.verification == "own").values(verification="rescored"))
    op.drop_table("prediction_digests")
    op.drop_table("admissions")
    op.drop_column("runs", "submitter")
