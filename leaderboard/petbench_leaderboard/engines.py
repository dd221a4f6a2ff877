"""How petbench connects: transactions begin where SQLAlchemy says so, and writers queue up instead of failing.

SQLite is used in WAL mode, so that reports read while runs write. Writers queue up for the lock at the start of
their transaction (BEGIN IMMEDIATE): SQLite refuses at once, whatever the timeout, a reader that turns into a writer.
WAL needs all processes on one machine; a leaderboard shared over a network belongs on PostgreSQL, where writers queue
up in the same way: the means of a row are computed from all its runs, so two that write at once would each
miss the other's.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event

from petbench_leaderboard.complaints import WAIT_SECONDS
from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from petbench_leaderboard.location import Location

_ADVISORY_LOCK = 0x7065746265  # "petbe": any number, as long as every petbench takes the same


def engine_to_write(location: Location) -> sa.Engine:
    """Return what connects to a database; one with the execution option `petbench_writes` writes.

    Raises:
        LeaderboardError: the driver is not installed.
    """
    try:
        engine = sa.create_engine(location.url)
    except ImportError as error:
        raise LeaderboardError(
            f"the leaderboard {location.name} needs the Python package {error.name!r}, which is not installed: "
            f"install it, such as by: pip install {error.name}"
        ) from error
    if engine.dialect.name == "sqlite":
        _configure_sqlite(engine, "PRAGMA foreign_keys=ON")
    elif engine.dialect.name == "postgresql":
        _configure_postgresql(engine)
    return engine


def engine_to_read(file: Path, access: str) -> sa.Engine:
    """Return what connects to a file of SQLite without ever changing a row or making the file.

    Args:
        file: of the database.
        access: parameters of SQLite's URI: `mode=rw` to share the file with processes that write, `mode=ro` where it
            cannot be written, `immutable=1` where nobody writes and nothing can be made beside it.
    """
    address = f"file:{quote(str(file))}?{access}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool)
    # Sorting in memory: there may be no disk to sort on.
    _configure_sqlite(engine, "PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY")
    return engine


def _configure_sqlite(engine: sa.Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, and only there
        cursor = connection.cursor()
        for pragma in (f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}", *pragmas):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _configure_postgresql(engine: sa.Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        if _writes(connection):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _writes(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("petbench_writes", False))
