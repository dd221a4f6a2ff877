"""How columns are called and how numbers are written where people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_leaderboard.report.metric_labels import HEADLINE, LABELS, Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from petbench_leaderboard.board import Board, Cell, Column

MISSING = "–"
_LABEL_HEIGHT = 0.05  # of a chart
MINUS = "\N{MINUS SIGN}"


def headline_columns(board: Board) -> list[Column]:
    """Return the columns of `HEADLINE` that a board has, in that order; of two regions, `body` comes first."""
    found = [column for column in board.columns if column.metric in HEADLINE]
    return sorted(found, key=lambda column: (HEADLINE.index(column.metric), column.region, column.convention_id))


def label_of(column: Column) -> Label:
    """Return how a column is shown; a plugin's metric goes by its own name."""
    return LABELS.get(column.metric) or Label(column.metric, column.region, 3, column.convention_id)


def direction(column: Column) -> str:
    """Return which values of a column are better: higher or lower ones, or those near a value."""
    if column.higher_is_better is not None:
        return "higher is better" if column.higher_is_better else "lower is better"
    best = label_of(column).best
    return "" if best is None else f"{best:g}{f' {unit_of(column)}' if unit_of(column) else ''} is best"


def fraction(cell: Cell) -> str:
    """Write how far a cell has come from `identity` to the noise ceiling: `41 %`, or why that cannot be said."""
    if cell.mean is None:
        return ""
    return (
        cell.normalized_score_reason
        if cell.normalized_score is None
        else f"{number(100.0 * cell.normalized_score, 0)} %"
    )


def sample(cells: Iterable[Cell | None]) -> str:
    """Say on how many slices a distance stands, and how far apart real slices are; empty for what is no distance."""
    for cell in cells:
        if cell is not None and "n_real" in cell.extra:
            folds = "in the first fold " if len(next(iter(cell.by_seed.values()), {})) > 1 else ""
            return folds + remark(cell.extra)
    return ""


def remark(extra: Mapping[str, object]) -> str:
    """Say what a score of all participants together rests on: slices and floor, or limits of agreement; else empty."""
    low, high, count = extra.get("low"), extra.get("high"), extra.get("n_real")
    if isinstance(low, float) and isinstance(high, float):
        return f"limits {number(low, 1)} to {number(high, 1)}"
    if count is None:
        return ""
    floor, participants = extra.get("floor"), extra.get("participants")
    people = (
        f" of {len(participants)} participant{'' if len(participants) == 1 else 's'}"
        if isinstance(participants, list)
        else ""
    )
    spread = extra.get("participant_bootstrap")
    error = f", standard error {spread['standard_error']:.2g} over participants" if isinstance(spread, dict) else ""
    scale = (
        f"real against real {floor:.4g}" if isinstance(floor, float) else str(extra.get("floor_reason") or "no floor")
    )
    return f"N = {count} slices{people}, {scale}{error}"


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
