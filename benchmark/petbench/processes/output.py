"""What another process prints: kept in the log and shown on standard error, whatever it is, and never in the way."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING

from petbench.errors import plain_line

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("petbench")

LONGEST_LINE = 2000
MOST_BYTES = 2**23
"""Of one process, in the log; the rest is read and dropped."""


class Output:
    """Reads a pipe to its end in a thread of its own, line by line.

    Args:
        descriptor: of the pipe; it is closed at the end.
        show: is given each line; what goes wrong in it is nobody's failure.
    """

    def __init__(self, descriptor: int, show: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._show = show
        self._kept = 0
        self._last = b""
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    @property
    def last(self) -> str:
        """The last line that said anything, kept or not: mostly why a process ended."""
        return plain_line(self._last.decode("utf-8", errors="replace"), LONGEST_LINE)

    def finish(self, seconds: float) -> None:
        """Wait at most so long for the end: a process that nobody ends may hold the pipe open."""
        self._thread.join(seconds)

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                part = os.read(self._descriptor, 65536)
            except OSError:
                part = b""
            *lines, rest = (rest + part).split(b"\n")
            if not part or len(rest) > LONGEST_LINE:  # the end, or a line without one
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._take(line)
            if not part:
                break
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _take(self, line: bytes) -> None:
        # A line that was written over, as progress bars do, counts as it was last.
        last = next((part for part in reversed(line.split(b"\r")) if part.strip()), b"")
        if last:
            self._last = last
        if self._kept > MOST_BYTES:
            return
        text = plain_line(last.decode("utf-8", errors="replace"), LONGEST_LINE)
        if not text:
            return
        self._kept += len(text)
        if self._kept > MOST_BYTES:
            text = f"(more than {MOST_BYTES:,} characters were printed; the rest is not kept)"
        _LOG.info("printed: %s", text)
        with contextlib.suppress(OSError, ValueError):
            self._show(text)
