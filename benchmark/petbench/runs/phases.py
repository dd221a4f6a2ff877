"""The phases of a run: named in its row while they last, timed when they end."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from petbench.training.clock import synchronize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


class Phases:
    """Times the phases of one run."""

    def __init__(self, leaderboard: Leaderboard, run_id: int) -> None:
        self._leaderboard = leaderboard
        self._run_id = run_id

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[dict[str, float]]:
        """Note that phase `name` runs, and its seconds when it ends, with success or without.

        Yields:
            A dictionary to which the block adds the seconds of parts that count as phases of their own, such as the
            warm-up within the training; they are taken off, so that all of them add up to what passed.
        """
        parts: dict[str, float] = {}
        self._leaderboard.update(self._run_id, phase=name)
        _LOG.info("phase %s", name)
        synchronize()
        start = time.perf_counter()
        try:
            yield parts
        finally:
            synchronize()
            seconds = time.perf_counter() - start
            for part, spent in {name: seconds - sum(parts.values()), **parts}.items():
                self._leaderboard.record_phase(self._run_id, part, spent)
                _LOG.info("phase %s took %.3f s", part, spent)
