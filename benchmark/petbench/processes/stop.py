"""Ctrl-C: the first asks for an orderly end, the second ends at once."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from petbench.processes.tree import kill_descendants

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class StopFlag:
    """Takes the signals that ask a process to end, and passes the first of them on."""

    def __init__(self) -> None:
        self.is_set = False
        self._listeners: list[Callable[[], None]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the first signal comes, or now if it has come already."""
        self._listeners.append(listener)
        if self.is_set:
            listener()

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        if self.is_set:
            kill_descendants()
            os._exit(128 + number)
        self.is_set = True
        sys.stderr.write("\nstopping: writing a checkpoint; press Ctrl-C again to end at once\n")
        for listener in self._listeners:
            listener()
