"""Say in one line what a driver or the file system complains of, and what helps against that."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError

from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_SECONDS = 60
"""How long a writer waits for another one."""

_PATH = "Check the path and its permissions"
_SPACE = "Free some space on its disk and repeat the command; what was stored before is safe"
_DAMAGED = "Restore a backup of it, or name another file"
_DISK = "Its disk is full or faulty; reading goes on as long as the file can be read"
_BUSY = f"Another process has been writing to it for {WAIT_SECONDS} s: repeat the command later"
_VALUE = "A value in what was to be stored is none that a leaderboard holds; nothing was stored"
_SERVER = "Check that the server runs, and the URL"

_OF_SQLITE = {
    sqlite3.SQLITE_CANTOPEN: _PATH,
    sqlite3.SQLITE_READONLY: _PATH,
    sqlite3.SQLITE_PERM: _PATH,
    sqlite3.SQLITE_AUTH: _PATH,
    sqlite3.SQLITE_FULL: _SPACE,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: "Name a leaderboard's file, or one that does not exist yet",
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CONSTRAINT: _VALUE,
    sqlite3.SQLITE_MISMATCH: _VALUE,
    sqlite3.SQLITE_TOOBIG: _VALUE,
}
_OF_SYSTEM = {
    **dict.fromkeys((errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR), _PATH),
    **dict.fromkeys((errno.ENAMETOOLONG, errno.EEXIST, errno.ELOOP), _PATH),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _SPACE),
    errno.EIO: _DISK,
}


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Within the block, turn an error of the driver or the file system into one line.

    Args:
        name: of the leaderboard, without a password.

    Raises:
        LeaderboardError: what happened, and what helps where that is known.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", None) or error
        what = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        advice = _advice(error, cause)
        line = f"the leaderboard {name} cannot be used: {what}"
        raise LeaderboardError(f"{line.rstrip('.')}. {advice}" if advice else line) from error


def sqlite_code(error: BaseException) -> int | None:
    """Return SQLite's primary code of an error, None where SQLite did not make it."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF  # the higher bits say more of the same


def _advice(error: BaseException, cause: BaseException) -> str:
    code = sqlite_code(error)
    if code is not None:
        return _OF_SQLITE.get(code, "")
    if isinstance(cause, OSError):
        return _OF_SYSTEM.get(cause.errno or 0, "")
    if isinstance(error, DataError | IntegrityError) or isinstance(cause, ValueError | OverflowError):
        return _VALUE
    return _SERVER if isinstance(error, OperationalError) else ""
