"""Alembic's entry: run the migrations on the connection that `petbench_leaderboard.database` hands over."""

from __future__ import annotations

from alembic import context

from petbench_leaderboard.schema import Base

# The caller has begun the transaction: SQLite's DDL is transactional, so that a migration happens wholly or not at all.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
