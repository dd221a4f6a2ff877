"""Whether a process is at work in a run's folder: a lock that dies with its holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from petbench.errors import PetbenchError

if TYPE_CHECKING:
    from pathlib import Path


def hold(path: Path) -> FileLock:
    """Take the lock of a run's folder until this process ends.

    Args:
        path: of the lock.

    Raises:
        PetbenchError: another process works there.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PetbenchError(f"another process is at work on {path.parent.name}; wait for it or stop it") from None
    return lock


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock."""
    if not path.parent.is_dir():
        return False
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _lock(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)
