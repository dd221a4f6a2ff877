"""Requests to end: the first asks for an orderly end, however often it comes; only a second Ctrl-C ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from petbench.processes.tree import kill_descendants

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class StopFlag:
    """Takes the signals that ask a process to end, and passes the first of them on.

    A system that ends a job asks for it again and again: Slurm sends SIGTERM, SIGCONT and SIGTERM within a second, to
    every process of it. That is one request. A person who presses Ctrl-C twice means it.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._interrupts = 0
        self._listeners: list[Callable[[], None]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the first signal comes, or now if it has come already."""
        self._listeners.append(listener)
        if self.is_set:
            listener()

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        self._interrupts += number == signal.SIGINT
        if self._interrupts > 1:
            kill_descendants()
            os._exit(128 + number)
        if self.is_set:
            return
        self.is_set = True
        with contextlib.suppress(OSError):  # the terminal may be the one that has just been closed
            os.write(2, b"\nstopping: writing a checkpoint; press Ctrl-C again to end at once\n")
        for listener in self._listeners:
            listener()
