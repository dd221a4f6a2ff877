"""Copy a whole leaderboard into one file, as it is at one moment, while runs go on."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_datasets.files import atomic_path
from petbench_leaderboard.complaints import explained
from petbench_leaderboard.engines import engine_to_write
from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.location import Location
from petbench_leaderboard.migrating import stamp
from petbench_leaderboard.schema import Base
from petbench_leaderboard.soundness import damage_in

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from petbench_leaderboard.readable import ReadableLeaderboard

_ROWS_AT_ONCE = 1000


def back_up(leaderboard: ReadableLeaderboard, path: Path, *, replace: bool = False) -> None:
    """Write all rows of a leaderboard into one file of SQLite, wholly or not at all; nobody who writes is stopped.

    A copy of the file alone lacks what lies in its log (`-wal`), which is nearly all of it while runs go on. The file
    that is written has no log beside it. A server's leaderboard becomes such a file, too, which `merge` reads back.

    Args:
        leaderboard: what is copied.
        path: the file.
        replace: whether an existing file is replaced.

    Raises:
        RequestError: there is no leaderboard, the file exists, or it is the leaderboard itself.
        LeaderboardError: the leaderboard is damaged, or the file cannot be written.
    """
    if leaderboard.file is not None:
        if not leaderboard.file.is_file():
            raise RequestError(f"there is no leaderboard at {leaderboard.name}: there is nothing to back up")
        if path.exists() and path.samefile(leaderboard.file):
            raise RequestError(f"{path} is the leaderboard itself: name another file for its backup")
    if path.exists() and not replace:
        raise RequestError(f"{path} exists: choose another name, or --force to replace it")
    with explained(f"backup {path}"), atomic_path(path) as temporary, leaderboard.reading() as session:
        source = session.connection().connection.driver_connection
        if isinstance(source, sqlite3.Connection):
            with contextlib.closing(sqlite3.connect(temporary)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
        else:
            _copy_rows(session, temporary)
        found = damage_in(temporary)
        if found:
            raise LeaderboardError(f"the leaderboard {leaderboard.name} is damaged and was not backed up: {found[0]}")


def _copy_rows(session: Session, path: Path) -> None:
    """Copy the rows of a server, table by table, into a new file."""
    engine = engine_to_write(Location.of(path))
    try:
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            stamp(connection)
            for table in Base.metadata.sorted_tables:
                found = session.execute(sa.select(table).execution_options(yield_per=_ROWS_AT_ONCE)).mappings()
                for some in found.partitions():
                    connection.execute(sa.insert(table), [dict(row) for row in some])
    finally:
        engine.dispose()
