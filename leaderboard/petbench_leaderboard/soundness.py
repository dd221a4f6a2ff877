"""Whether a leaderboard is sound: its file, its keys, and what is kept beside the runs for speed."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa

from petbench_leaderboard.run_queries import Wanted, batches_of_runs
from petbench_leaderboard.schema import Phase, Run, Score, SourceDiff, ValidationScore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench_leaderboard.readable import ReadableLeaderboard

_MOST_LINES = 20
_OF_RUNS = (
    (Score, "scores"),
    (ValidationScore, "scores on validation"),
    (Phase, "phases"),
    (SourceDiff, "differences of code"),
)


def damage_in(file: Path) -> list[str]:
    """Return what SQLite finds wrong in a file, one line each."""
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
        return _damage(connection)


def faults_of(leaderboard: ReadableLeaderboard) -> Iterator[str]:
    """Yield what is wrong with a leaderboard, one line each; nothing is changed."""
    with leaderboard.reading() as session:
        connection = session.connection().connection.driver_connection
        if isinstance(connection, sqlite3.Connection):
            yield from _damage(connection)
        for table, what in _OF_RUNS:
            orphans = sa.select(sa.func.count()).select_from(table).where(table.run_id.not_in(sa.select(Run.id)))
            count = session.scalar(orphans)
            if count:
                yield f"{count} {what} belong to no run"
        groups = {row.id: row.run_group for row in session.execute(sa.select(Run.id, Run.run_group))}
        for runs in batches_of_runs(session, Wanted(), oldest_first=True):
            for run in runs:
                if groups[run.id] != run.run_group:
                    yield f"run {run.id} is counted in another row than its own"


def _damage(connection: sqlite3.Connection) -> list[str]:
    try:
        found = [str(line) for (line,) in connection.execute(f"PRAGMA integrity_check({_MOST_LINES})")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else [line for text in found for line in text.splitlines()][:_MOST_LINES]
