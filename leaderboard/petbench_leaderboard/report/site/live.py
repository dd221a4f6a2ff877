"""The site of a leaderboard that changes: written again in the background, while the one before is read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from petbench_datasets.progress import Progress

PATIENCE_SECONDS = 3.0
"""How long a reader waits for the newest site where an older one, or a first page, is there."""


class WriteSite(Protocol):
    """Writes the site; see `petbench_leaderboard.report.site.build.write_site`."""

    def __call__(self, *, progress: Progress, first: Callable[[Path], object]) -> object:
        """Write all of it; `first` is called where its first page is there before the rest."""
        ...


class LiveSite:
    """Writes a site whenever somebody looks and the leaderboard has changed; one writing at a time.

    Args:
        state: returns what differs when the leaderboard has changed.
        write: writes the site.
    """

    def __init__(self, state: Callable[[], object], write: WriteSite) -> None:
        self._state, self._write = state, write
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None
        self._seen: object = None
        self._readable, self._ended = threading.Event(), threading.Event()

    def refresh(self) -> None:
        """See to it that there is a site to read, the newest where that takes no longer than a reader is patient.

        Raises:
            Exception: what the writing raised.
        """
        with self._lock:
            if self._writing is None or self._writing.done():
                now = self._state()
                self._writing = self._thread.submit(self._write_all, now) if now != self._seen else None
            writing = self._writing
        if writing is not None:
            self._readable.wait()
            wait([writing], timeout=PATIENCE_SECONDS)
            if writing.done():
                writing.result()

    def close(self) -> None:
        """End a writing that is under way, and begin no other."""
        self._ended.set()
        self._thread.shutdown()

    def _write_all(self, state: object) -> None:
        try:
            self._write(progress=self._go_on, first=lambda _: self._readable.set())
            self._seen = state
        finally:
            self._readable.set()  # where it failed, whoever waits is told so

    def _go_on(self, description: str, done: float, total: float) -> None:  # noqa: ARG002 - a progress
        if self._ended.is_set():
            raise InterruptedError("nobody reads the site any more")
