"""Read a leaderboard and leave it as it is: no table is made or migrated, and no file appears beside it for long.

What cannot be read in its place is read from a private copy: a leaderboard of an earlier schema, which is migrated in
the copy alone, and one that cannot be written, as on a full disk, while a killed process has left rows in its log
(`-wal`). Of a server's leaderboard of an earlier schema nothing is read until it is migrated. A leaderboard that is not
there yet reads as an empty one.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from petbench_leaderboard.complaints import sqlite_code
from petbench_leaderboard.engines import engine_to_read, engine_to_write
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.location import Location
from petbench_leaderboard.migrating import migrate, revision_of
from petbench_leaderboard.schema import SCHEMA_REVISION, Base

if TYPE_CHECKING:
    from collections.abc import Iterator

_State: TypeAlias = tuple[tuple[int, ...] | None, ...]

_UNWRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR,
               sqlite3.SQLITE_FULL}  # fmt: skip
"""What SQLite says where nothing can be made beside a file: reading may well be possible all the same."""


class Reader:
    """Gives sessions that read one leaderboard."""

    def __init__(self, location: Location) -> None:
        """Find out how the leaderboard can be read.

        Raises:
            LeaderboardError: it holds another program's tables, or was made by a newer petbench.
        """
        self._location = location
        self._lock = threading.Lock()
        self._copies: list[tempfile.TemporaryDirectory[str]] = []
        self._engine: sa.Engine | None = None
        self._frozen: _State | None = None
        self._in_place = True
        self._revision: str | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def is_outdated(self) -> bool:
        """Whether the leaderboard has an earlier schema: of a file a migrated copy is read, of a server nothing."""
        return self._revision not in (None, SCHEMA_REVISION)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session that sees one state of the leaderboard throughout.

        Raises:
            LeaderboardError: the file was changed while it was read in a way that SQLite cannot keep apart, or a
                server's leaderboard has an earlier schema.
        """
        with self._lock:
            # Of a server's database only a copy of an empty one is frozen, and nothing tells when it is one no more.
            if self._frozen is not None and (self._location.file is None or self._frozen != self._state()):
                self._open()
            engine, frozen, in_place = self._engine, self._frozen, self._in_place
            if self._location.file is None and self.is_outdated:
                raise LeaderboardError(
                    f"the leaderboard {self._location.name} has the schema {self._revision}, this petbench reads "
                    f"{SCHEMA_REVISION}: `petbench leaderboard upgrade` brings it up to date"
                )
        assert engine is not None
        with Session(engine) as session:
            yield session
        if in_place and frozen is not None and frozen != self._state():
            raise LeaderboardError(f"{self._location.name} was changed while it was read: repeat the command")

    def close(self) -> None:
        """Let go of the database and of copies."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        for copy in self._copies:
            copy.cleanup()
        self._copies.clear()

    def _open(self) -> None:
        self.close()
        self._frozen, self._in_place = None, True
        state = self._state()
        engine = self._connected()
        try:
            self._revision = None if engine is None else revision_of(engine, self._location.name)
        except BaseException:
            if engine is not None:
                engine.dispose()
            raise
        if engine is not None and self._revision == SCHEMA_REVISION:
            self._engine = engine
            return
        self._frozen, self._in_place = state, False
        of_a_server = engine is not None and self._location.file is None and self._revision is not None
        self._engine = engine if of_a_server else self._converted_copy(engine)

    def _connected(self) -> sa.Engine | None:
        """Return what reads the leaderboard, None where there is none yet."""
        file = self._location.file
        if file is None:
            return engine_to_write(self._location)
        if not file.exists():
            return None
        for access in ("mode=rw", "mode=ro"):
            try:
                return _tried(file, access)
            except SQLAlchemyError as error:
                if sqlite_code(error) not in _UNWRITABLE:
                    raise
        self._frozen = self._state()
        in_log = self._frozen[1]
        if in_log is None or not in_log[1]:
            return _tried(file, "immutable=1")
        self._in_place = False
        return _tried(self._copied(file), "mode=rw")

    def _copied(self, file: Path) -> Path:
        """Return a copy of a file and of its log; a process that had them open would have made an index of the log."""
        folder = self._new_folder()
        for suffix in ("", "-wal"):
            shutil.copyfile(file.with_name(f"{file.name}{suffix}"), folder / f"copy.db{suffix}")
        return folder / "copy.db"

    def _converted_copy(self, engine: sa.Engine | None) -> sa.Engine:
        """Return what reads a copy of the leaderboard in this version's schema; an empty one where there is none."""
        copy = self._new_folder() / "copy.db"
        if engine is not None and self._revision is not None:
            _copy_database(engine, copy)
        if engine is not None:
            engine.dispose()
        writer = engine_to_write(Location.of(copy))
        try:
            if self._revision is None:
                Base.metadata.create_all(writer)
            else:
                migrate(writer.execution_options(petbench_writes=True))
        finally:
            writer.dispose()
        return engine_to_read(copy, "mode=rw")

    def _new_folder(self) -> Path:
        self._copies.append(tempfile.TemporaryDirectory(prefix="petbench-leaderboard-"))
        return Path(self._copies[-1].name)

    def _state(self) -> _State:
        """Return what differs as soon as somebody writes to the file or its log."""
        file = self._location.file
        if file is None:
            return ()
        return tuple(_stamp(file.with_name(f"{file.name}{suffix}")) for suffix in ("", "-wal"))


def _tried(file: Path, access: str) -> sa.Engine:
    """Return what reads a file, once it has read."""
    engine = engine_to_read(file, access)
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT count(*) FROM sqlite_master"))
    except BaseException:
        engine.dispose()
        raise
    return engine


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _copy_database(engine: sa.Engine, target: Path) -> None:
    """Copy a database of SQLite as one transaction sees it, rows that are still in its log included."""
    with engine.connect() as connection:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        with contextlib.closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
