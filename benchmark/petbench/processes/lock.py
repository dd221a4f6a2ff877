"""Whether a process is at work on a run: locks that die with their holders."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from petbench.errors import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


HELD_EXIT_CODE = 75
"""With which a process ends that finds the lock held: EX_TEMPFAIL of sysexits.h."""


class HeldError(PetbenchError):
    """Another process holds the lock."""

    exit_code = HELD_EXIT_CODE


def hold(path: Path) -> FileLock:
    """Take the lock of a run's folder until this process ends.

    Args:
        path: of the lock.

    Raises:
        HeldError: another process works there.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HeldError(f"another process is at work on {path.parent.name}; wait for it or stop it") from None
    return lock


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Within the block, hold a lock, and yield True; yield False at once where another process holds it.

    Args:
        path: of the lock; its file stays, since nobody can know who else has just opened it.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Within the block, hold a lock, and wait for it first."""
    lock = _lock(path)
    with lock:
        yield


def wait_for(path: Path) -> None:
    """Wait until no process holds a lock."""
    lock = _lock(path)
    lock.acquire()
    lock.release()


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
