"""How columns are called and how numbers are written where people read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_leaderboard.board import Board, Column

MISSING = "–"
_LABEL_HEIGHT = 0.05  # of a chart
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Label:
    """How one metric is shown.

    Attributes:
        name: the column's head.
        detail: what tells it from its neighbours, in a few words.
        decimals: digits after the point.
        explanation: one sentence for the notes under the table.
    """

    name: str
    detail: str
    decimals: int
    explanation: str


LABELS = {
    "psnr_body_suv20": Label(
        "PSNR", "body", 2, "inside the body, both images clipped to SUV 0–20, which is also the peak"
    ),
    "psnr_volume_max": Label("PSNR", "volume", 2, "whole field of view, the real volume's maximum as the peak"),
    "psnr_slice_volume_max": Label(
        "PSNR", "slice", 2, "mean over axial slices that meet the body, the real volume's maximum as the peak"
    ),
    "ssim_body_suv20": Label(
        "SSIM", "body", 3, "three-dimensional, Gaussian window, range SUV 0–20, mean over the body"
    ),
    "mae_body_suv": Label("MAE", "body", 3, "mean absolute error inside the body"),
    "rmse_body_suv": Label("RMSE", "body", 3, "root mean squared error inside the body"),
    "fid": Label("FID", "pool3", 1, "Fréchet distance of the canonical Inception features of axial slices"),
    "fd_768": Label("FD-768", "Mixed 6e", 3, "Fréchet distance of 768 Inception features; not to be compared with FID"),
    "fd_randconv": Label(
        "FD-randconv", "", 2, "Fréchet distance of features of a fixed random convolution network; no weights needed"
    ),
}
"""The columns of the leaderboard page, in order; a board shows those that it has."""


def headline_columns(board: Board) -> list[Column]:
    """Return the columns of `LABELS` that a board has, in that order; of two regions, `body` comes first."""
    order = list(LABELS)
    found = [column for column in board.columns if column.metric in LABELS]
    return sorted(found, key=lambda column: (order.index(column.metric), column.region, column.convention_id))


def label_of(column: Column) -> Label:
    """Return how a column is shown; a plugin's metric goes by its own name."""
    return LABELS.get(column.metric) or Label(column.metric, column.region, 3, column.convention_id)


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


def unit_of(column: Column) -> str:
    """Return a column's unit, empty for a plain number."""
    return plain_unit(column.unit)


def plain_unit(unit: str) -> str:
    """Return a unit, empty for a plain number."""
    return "" if unit == "1" else unit


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
        return "no training"
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
