"""Whether a process is at work in a run's folder: a lock that dies with its holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from petbench.errors import PetbenchError

if TYPE_CHECKING:
    from pathlib import Path


def hold(folder: Path) -> FileLock:
    """Take the lock of a run's folder until this process ends.

    Raises:
        PetbenchError: another process works there.
    """
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PetbenchError(f"another process is at work on {folder.name}; wait for it or stop it") from None
    return lock


def is_held(folder: Path) -> bool:
    """Return whether a living process works in the folder."""
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _lock(folder: Path) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "worker.lock")
