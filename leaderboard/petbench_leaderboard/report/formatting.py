"""How numbers, times and amounts are written where people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING = "–"
_LABEL_HEIGHT = 0.05  # of a chart
MINUS = "\N{MINUS SIGN}"


def number(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """Write a number with a true minus, or a dash where there is none."""
    if value is None:
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:  # no sign in front of nothing
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def p_value(value: float) -> str:
    """Write a p with two digits: `p = 0.043`, `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def plain_unit(unit: str) -> str:
    """Return a unit, empty for a plain number."""
    return "" if unit == "1" else unit


def counted(amount: int, noun: str) -> str:
    """Write how many of something there are: `1 participant`, `4 participants`."""
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def memory(value: float | None) -> str:
    """Write bytes as people say them: `1.42 GiB`, `380 MiB`."""
    if value is None:
        return MISSING
    mebibytes = value / 2**20
    return f"{mebibytes / 1024:.2f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


def duration(seconds: float | None) -> str:
    """Write a duration as people say it: `12 ms`, `0.42 s`, `58 s`, `2 min 5 s`, `3 h 20 min`."""
    if seconds is None:
        return MISSING
    if 0.0 < seconds < 0.0005:
        return "< 1 ms"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    return f"{left} s"


def count(value: float | None) -> str:
    """Write a large count in thousands, millions or billions: `11.4 M`."""
    if value is None:
        return MISSING
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {letter}"
    return f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Write images a second with about three digits."""
    if value is None:
        return MISSING
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def budget(text: str) -> str:
    """Write a budget as people say it; one of an unknown form stays as it is."""
    unit, _, amount = text.partition("=")
    try:
        value = float(amount)
    except ValueError:
        return text
    if value == 0:
        return "no training budget"
    if unit == "images":
        return f"{value:,.0f} images"
    return duration(value) if unit == "seconds" else text


def line_labels(lines: Mapping[str, float], span: float) -> list[tuple[str, float]]:
    """Return what to write at horizontal lines, and where: lines that nearly touch share one label, at the upper.

    Args:
        lines: heights by name.
        span: height of the whole chart, in the same unit.
    """
    written: list[tuple[str, float]] = []
    lowest = math.inf
    for name, height in sorted(lines.items(), key=lambda line: -line[1]):
        if written and lowest - height < _LABEL_HEIGHT * span:
            written[-1] = f"{written[-1][0]}, {name}", written[-1][1]
        else:
            written.append((name, height))
        lowest = height
    return written
