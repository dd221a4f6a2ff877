"""When images are measured: a frame's times, and the early and the delayed window. This is their one place."""

from __future__ import annotations

import math
from dataclasses import dataclass

EARLY_WINDOW_SECONDS = (420.0, 1260.0)
DELAYED_WINDOW_SECONDS = (2520.0, 3780.0)
WINDOWS_SECONDS = {"early": EARLY_WINDOW_SECONDS, "delayed": DELAYED_WINDOW_SECONDS}
"""After the injection: 7-21 min and 42-63 min (Kim et al. 2023, doi 10.3390/diagnostics13193045)."""

LEAST_COVERAGE = 0.8
"""The part of a window that must have been measured."""


@dataclass(frozen=True, slots=True)
class Frame:
    """When a frame was measured: its start in seconds after the injection, and how long it took."""

    start_seconds: float
    duration_seconds: float

    @property
    def stop_seconds(self) -> float:
        """When it ended, in seconds after the injection."""
        return self.start_seconds + self.duration_seconds


def minutes(window_seconds: tuple[float, float]) -> tuple[float, float]:
    """Return a window in minutes."""
    return window_seconds[0] / 60, window_seconds[1] / 60


def in_words(window_seconds: tuple[float, float]) -> str:
    """Return a window for people to read: `7-21 min`."""
    start, stop = minutes(window_seconds)
    return f"{start:g}-{stop:g} min"


def shared_seconds(frame: Frame, window_seconds: tuple[float, float]) -> float:
    """Return how many seconds of `frame` lie in a window; none where the frame's time is not known."""
    if math.isnan(frame.start_seconds):
        return 0.0
    return max(0.0, min(frame.stop_seconds, window_seconds[1]) - max(frame.start_seconds, window_seconds[0]))
