"""Which task a run and a board are of.

Every run of before is of the one task that there was. The boards and what is computed of them are made anew by
`petbench_leaderboard.cached_means`, in the same transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0030"
branch_labels = None
depends_on = None

_FIRST = "fdg-7-21-to-42-63@1"
_KEY = ["dataset", "fingerprint", "split", "split_digest", "protocol"]
_COMPUTED = ("cached_means", "board_rows", "boards")


def upgrade() -> None:
    """Add the columns; two boards may differ in their task alone."""
    op.add_column("runs", sa.Column("task", sa.Text(), nullable=False, server_default=_FIRST))
    _empty()
    with op.batch_alter_table("boards") as boards:
        boards.add_column(sa.Column("task", sa.Text(), nullable=False, server_default=_FIRST))
        boards.drop_constraint("board_key", type_="unique")
        boards.create_unique_constraint("board_key", [*_KEY, "task"])


def downgrade() -> None:
    """Forget them; runs of other tasks would share a board with those of the first one, and are taken out."""
    op.execute(sa.text("DELETE FROM runs WHERE task != :first").bindparams(first=_FIRST))
    _empty()
    with op.batch_alter_table("boards") as boards:
        boards.drop_constraint("board_key", type_="unique")
        boards.drop_column("task")
        boards.create_unique_constraint("board_key", _KEY)
    op.drop_column("runs", "task")


def _empty() -> None:
    """Empty what is computed again: SQLite makes a table anew to change its key, and others refer to its rows."""
    for name in _COMPUTED:
        op.execute(sa.text(f"DELETE FROM {name}"))  # noqa: S608 - names of our own tables
