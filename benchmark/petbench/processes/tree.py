"""End a process with everything that it has started, children that went their own way included."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_SECONDS = 10.0


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends, so that none escapes; on Linux alone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent ends, however that comes; on Linux alone.

    Args:
        parent: its number; where it has ended already, this process ends now. 0 where the number means nothing here.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if parent and os.getppid() != parent:
            os._exit(1)


def kill_tree(pid: int) -> int:
    """Kill a process and its descendants, wait until they are gone, and return how many they were.

    All are frozen first, parents before children, until no new one turns up: what is frozen starts nothing.
    """
    try:
        root = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return 0
    return _kill(_frozen(root))


def kill_descendants() -> int:
    """Kill what this process has started and left running, and return how many they were."""
    left = [child for child in psutil.Process(os.getpid()).children(recursive=True) if not _is_resource_tracker(child)]
    return _kill([frozen for child in left for frozen in _frozen(child)])


def _frozen(root: psutil.Process) -> list[psutil.Process]:
    found: dict[psutil.Process, None] = {}
    while True:
        new = [process for process in _family(root) if process not in found]
        if not new:
            return list(found)
        for process in new:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
            found[process] = None


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [root]


def _kill(processes: list[psutil.Process]) -> int:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_PATIENCE_SECONDS)
    return len(processes)


def _is_resource_tracker(process: psutil.Process) -> bool:
    """Return whether it is the helper of `multiprocessing`, which ends by itself and cleans up after its parent."""
    try:
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return True
