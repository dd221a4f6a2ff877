"""Open a database of runs and scores: connect, create or migrate, and explain in one line what fails.

SQLite is used in WAL mode, so that reports read while runs write. Writers queue up for the lock at the start of
their transaction (BEGIN IMMEDIATE): SQLite refuses at once, whatever the timeout, a reader that turns into a writer.
WAL needs all processes on one machine; a leaderboard shared over a network belongs on PostgreSQL, where writers queue
up in the same way: the means of a row are computed from all its runs, so two that write at once would each
miss the other's.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from petbench_leaderboard.cached_means import rebuild
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.schema import SCHEMA_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_WAIT_SECONDS = 60
_ADVISORY_LOCK = 0x7065746265  # "petbe": any number, as long as every petbench takes the same


class Database:
    """A connected, migrated database that hands out reading and writing sessions."""

    def __init__(self, location: str | Path) -> None:
        """Connect to a file or SQLAlchemy URL, and create or migrate the tables there.

        Raises:
            LeaderboardError: the file is no database, cannot be written, or was made by a newer petbench.
        """
        url, self.name, self._file = _parse(location)
        with self._explained():
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(url, self.name)
            _CONFIGURE.get(self._engine.dialect.name, lambda _: None)(self._engine)
            try:
                self._migrate()
            except BaseException:
                self.close()
                raise

    @property
    def place(self) -> str:
        """Where the database is: the same text for the same file, however a path or a URL names it."""
        return self.name if self._file is None else str(self._file.resolve())

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database throughout."""
        with self._explained(), Session(self._engine) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are stored together when the block succeeds."""
        writer = self._engine.execution_options(petbench_writes=True)
        with self._explained(), Session(writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        if self._revision() == SCHEMA_REVISION:
            return
        if self._file is None:
            self._upgrade()
            return
        lock = FileLock(self._file.with_name(f"{self._file.name}.lock"), timeout=_WAIT_SECONDS)
        try:
            with lock:
                if self._revision() == SCHEMA_REVISION:
                    return  # another process was first
                with self._engine.connect() as connection:
                    # WAL is a property of the file; it cannot be switched on inside a transaction.
                    connection.connection.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
                self._upgrade()
        except Timeout as error:
            raise LeaderboardError(
                f"another process has been migrating the leaderboard {self.name} for {_WAIT_SECONDS} s: try again later"
            ) from error

    def _revision(self) -> str | None:
        """Return the schema's revision, None for an empty database.

        Raises:
            LeaderboardError: it is newer than this petbench, or the database holds something else.
        """
        tables = set(sa.inspect(self._engine).get_table_names())
        if "alembic_version" not in tables:
            if "runs" in tables:
                raise LeaderboardError(f"{self.name} holds another program's tables: name another file for petbench")
            return None
        with self._engine.connect() as connection:
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and not (len(found) == len(SCHEMA_REVISION) and found <= SCHEMA_REVISION):
            raise LeaderboardError(
                f"the leaderboard {self.name} was written by another petbench (its schema is {found}, this one knows "
                f"{SCHEMA_REVISION} and older): upgrade petbench, or choose another leaderboard"
            )
        return found

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        writer = self._engine.execution_options(petbench_writes=True)
        with writer.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            with Session(connection, join_transaction_mode="create_savepoint") as session, session.begin():
                rebuild(session)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the driver or the file system complains of into one line."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            what = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
            raise LeaderboardError(
                f"the leaderboard {self.name} cannot be used: {what}. Check the path and its permissions"
            ) from error


def _parse(location: str | Path) -> tuple[sa.URL, str, Path | None]:
    """Return URL, a name for messages (without password) and the file, None where there is none."""
    if isinstance(location, Path) or "://" not in location:
        path = Path(location).expanduser().absolute()
        return sa.URL.create("sqlite", database=str(path)), str(path), path
    try:
        url = sa.make_url(location)
    except SQLAlchemyError as error:
        raise LeaderboardError(
            f"{location!r} is neither a file nor a database URL such as sqlite:///runs.db"
        ) from error
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")  # the driver that petbench is tested with
    in_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return url, url.render_as_string(), Path(url.database).absolute() if in_file and url.database else None


def _engine(url: sa.URL, name: str) -> sa.Engine:
    try:
        return sa.create_engine(url)
    except ImportError as error:
        raise LeaderboardError(
            f"the leaderboard {name} needs the Python package {error.name!r}, which is not installed: "
            f"install it, such as by: pip install {error.name}"
        ) from error


def _configure_sqlite(engine: sa.Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, and only there
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _configure_postgresql(engine: sa.Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        if _writes(connection):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


def _writes(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("petbench_writes", False))


_CONFIGURE = {"sqlite": _configure_sqlite, "postgresql": _configure_postgresql}
