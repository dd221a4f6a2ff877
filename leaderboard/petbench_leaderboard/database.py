"""A database of runs and scores that hands out sessions: to read, and to write.

It is made, or brought up to date, when something is to be written and not before: whoever only reads leaves what is
there as it is, see `petbench_leaderboard.reading`.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy.orm import Session

from petbench_leaderboard.complaints import WAIT_SECONDS, explained
from petbench_leaderboard.engines import engine_to_write
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.location import Location
from petbench_leaderboard.migrating import migrate, revision_of
from petbench_leaderboard.network_disks import network_disk
from petbench_leaderboard.reading import Reader
from petbench_leaderboard.schema import SCHEMA_REVISION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa


def _refuse_network_disk(file: Path) -> None:
    kind = network_disk(file)
    if kind is not None:
        raise LeaderboardError(
            f"the leaderboard {file} lies on a network file system ({kind}), where SQLite's locks cannot be trusted "
            "and two writers can destroy it: name a file on a disk of this machine with --db or PETBENCH_DB, or a "
            "PostgreSQL server, postgresql://...; reading it where it lies is allowed"
        )


class Database:
    """A database that hands out reading and writing sessions."""

    def __init__(self, given: str | Path) -> None:
        """Find a file's or SQLAlchemy URL's database; it need not be there, and nothing is made.

        Raises:
            LeaderboardError: it cannot be read, holds another program's tables, or was made by a newer petbench.
        """
        self.location = Location.of(given)
        self._lock = threading.RLock()
        self._writer: sa.Engine | None = None
        self._reader: Reader | None = None
        if self.location.url.get_backend_name() == "sqlite" and self.location.file is None:
            self.make_ready()  # in memory: there is nothing to leave alone
        else:
            with explained(self.name):
                self._reader = Reader(self.location)

    @property
    def name(self) -> str:
        """Where it is, for people to read."""
        return self.location.name

    @property
    def is_outdated(self) -> bool:
        """Whether it has an earlier schema, and a migrated copy of it is read."""
        return self._reader is not None and self._reader.is_outdated

    @property
    def place(self) -> str:
        """Where the database is: the same text for the same file, however a path or a URL names it."""
        return self.name if self.location.file is None else str(self.location.file.resolve())

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database throughout."""
        with self._lock:
            reader = self._reader
        with explained(self.name), reader.session() if reader else Session(self._writer) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are stored together when the block succeeds."""
        writer = self.make_ready().execution_options(petbench_writes=True)
        with explained(self.name), Session(writer) as session, session.begin():
            yield session

    def make_ready(self) -> sa.Engine:
        """Make the tables where there are none, bring those of an earlier version up to date; return what writes.

        Raises:
            LeaderboardError: it cannot be written, holds another program's tables, or was made by a newer petbench.
        """
        with self._lock:
            if self._writer is not None:
                return self._writer
            with explained(self.name):
                if self.location.file is not None:
                    _refuse_network_disk(self.location.file)
                    self.location.file.parent.mkdir(parents=True, exist_ok=True)
                engine = engine_to_write(self.location)
                try:
                    self._migrate(engine)
                except BaseException:
                    engine.dispose()
                    raise
            self._writer = engine
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            return engine

    def close(self) -> None:
        """Let go of all connections."""
        if self._writer is not None:
            self._writer.dispose()
        if self._reader is not None:
            self._reader.close()

    def _migrate(self, engine: sa.Engine) -> None:
        if revision_of(engine, self.name) == SCHEMA_REVISION:
            return
        writer = engine.execution_options(petbench_writes=True)
        if self.location.file is None:
            migrate(writer)
            return
        lock = FileLock(self.location.file.with_name(f"{self.location.file.name}.lock"), timeout=WAIT_SECONDS)
        try:
            with lock:
                if revision_of(engine, self.name) == SCHEMA_REVISION:
                    return  # another process was first
                with engine.connect() as connection:
                    # WAL is a property of the file; it cannot be switched on inside a transaction.
                    connection.connection.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
                migrate(writer)
        except Timeout as error:
            raise LeaderboardError(
                f"another process has been migrating the leaderboard {self.name} for {WAIT_SECONDS} s: try again later"
            ) from error
