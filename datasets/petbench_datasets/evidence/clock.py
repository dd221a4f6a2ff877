"""Times of day as sidecars write them."""

from __future__ import annotations

import re

DAY_SECONDS = 86_400.0


def clock_seconds(text: str) -> float | None:
    """Return the seconds after midnight of `09:00:00`, `090000.25` or `2020-01-01T09:00:00`; None for anything else."""
    match = re.search(r"(?:^|[T ])(\d{2}):?(\d{2}):?(\d{2})(\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?$", text.strip())
    if match is None:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds + float(match[4] or 0.0)


def clock_text(seconds: float) -> str:
    """Return seconds after midnight, of whichever day, as `09:00:00`."""
    whole = round(seconds) % int(DAY_SECONDS)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def apart_on_the_clock(one: float, other: float) -> float:
    """Return how many seconds two times of day are apart, whichever the days."""
    distance = abs(one - other) % DAY_SECONDS
    return min(distance, DAY_SECONDS - distance)
