"""When images are measured: a frame's times, and what it shares with a window. Which windows, a task says."""

from __future__ import annotations

import math
from dataclasses import dataclass

_IN_HOURS_MINUTES = 600.0


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
    """Return a window for people to read: `7-21 min`, and from 10 hours on `23-25 h`."""
    start, stop = minutes(window_seconds)
    if start >= _IN_HOURS_MINUTES:
        return f"{start / 60:.4g}-{stop / 60:.4g} h"
    return f"{start:g}-{stop:g} min"


def shared_seconds(frame: Frame, window_seconds: tuple[float, float]) -> float:
    """Return how many seconds of `frame` lie in a window; none where the frame's time is not known."""
    if math.isnan(frame.start_seconds):
        return 0.0
    return max(0.0, min(frame.stop_seconds, window_seconds[1]) - max(frame.start_seconds, window_seconds[0]))
