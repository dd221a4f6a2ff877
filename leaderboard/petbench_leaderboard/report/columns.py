"""How a board's columns and cells are written, the same on the terminal, the site, in tables and figures.

A gain is written as it is stored: over `identity`, positive where better, whatever the metric's direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.bids.names import person_of
from petbench_leaderboard.report.formatting import counted, number, plain_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from petbench_leaderboard.board import Board, Cell, Column
    from petbench_leaderboard.records import Role
    from petbench_leaderboard.statistics.intervals import Interval

GAIN = "gain over identity, the early image as it is, in the metric's unit, positive where better"
"""For the notes of every output that has gains."""

NORMALIZED = "normalized score, 0 % at identity and 100 % at predictable, what can be predicted of these participants"
"""For the notes of every output that has normalized scores."""

FLOOR_MARK = "†"
"""Behind a distance that orders nothing."""

UNDER_FLOOR = "under its floor, the distance of real images from other real ones: orders nothing"
"""What that mark means."""

ROLE_MARKS: dict[Role, str] = {
    "reference": "ref",
    "privileged": "privileged",
    "predictable": "predictable",
    "repeat-scan": "repeat scan",
}
"""What stands in place of a rank in the row of a method that does not compete."""


def shown_columns(board: Board) -> list[Column]:
    """Return the columns that tables have, in their places; the one that ranks is always among them."""
    found = [column for column in board.columns if column.facts.shown or column == board.ranked_by]
    return sorted(found, key=lambda column: (column.facts.place, *_identity(column)))


def _identity(column: Column) -> tuple[str, str, str]:
    return column.metric, column.region, column.convention_id


def label(column: Column) -> str:
    """Return what a column is called: `PSNR`; a metric without a label goes by its name."""
    return column.facts.label or column.metric


def detail(column: Column) -> str:
    """Return what tells a column from others of its label, and its unit: `body, dB`."""
    what = column.facts.detail or ("" if column.facts.label else column.region)
    return ", ".join(part for part in (what, plain_unit(column.unit)) if part)


def heading(column: Column) -> str:
    """Return label, detail and unit in one line: `PSNR (body, dB)`."""
    return f"{label(column)} ({detail(column)})" if detail(column) else label(column)


def arrow(column: Column) -> str:
    """Return which values are better as a sign: `↑`, `↓`, or `→ 1` for those near 1."""
    if column.higher_is_better is not None:
        return "↑" if column.higher_is_better else "↓"
    best = column.facts.best_value
    return "" if best is None else f"→ {best:g}"


def direction(column: Column) -> str:
    """Return which values are better in words: higher or lower ones, or those near a value."""
    if column.higher_is_better is not None:
        return "higher is better" if column.higher_is_better else "lower is better"
    best, unit = column.facts.best_value, plain_unit(column.unit)
    return "" if best is None else f"{best:g}{f' {unit}' if unit else ''} is best"


def value(column: Column, written: float | None) -> str:
    """Write a score with the metric's decimals."""
    return number(written, column.facts.decimals)


def mean(column: Column, cell: Cell) -> str:
    """Write a cell's mean with the metric's decimals, marked where it lies under its floor."""
    return value(column, cell.mean) + (FLOOR_MARK if cell.under_floor else "")


def under_floor(board: Board, columns: Iterable[Column]) -> list[str]:
    """Return a note for each column that has a value under its floor, with the methods whose value that is."""
    notes = []
    for column in columns:
        rows = [row for row in board.rows if column in row.cells and row.cells[column].under_floor]
        if rows:
            names = ", ".join(dict.fromkeys(row.run.method for row in rows))
            notes.append(f"{FLOOR_MARK} {heading(column)} of {names}: {UNDER_FLOOR}")
    return notes


def gain(column: Column, cell: Cell, of_gain: Interval | None = None) -> str:
    """Write a cell's gain over `identity` with its sign, and its interval if known; empty where there is no gain."""
    if cell.gain is None:
        return ""
    text = number(cell.gain, column.facts.decimals, sign=True)
    return f"{text} ({interval(column, of_gain)})" if of_gain else text


def interval(column: Column, found: Interval | None) -> str:
    """Write an interval with the metric's decimals: `29.10 to 31.20`; empty where there is none."""
    return "" if found is None else f"{value(column, found.low)} to {value(column, found.high)}"


def normalized_score(cell: Cell) -> str:
    """Write where a cell lies from `identity` to `predictable`: `41 %`; empty where that cannot be said."""
    return "" if cell.normalized_score is None else f"{number(100.0 * cell.normalized_score, 0)} %"


def not_normalized(board: Board, columns: Iterable[Column]) -> dict[str, list[Column]]:
    """Return why scores have no normalized score, each reason with the columns where it holds for some row."""
    why: dict[str, list[Column]] = {}
    for column in columns:
        cells = [row.cells[column] for row in board.rows if column in row.cells]
        for reason in dict.fromkeys(cell.normalized_score_reason for cell in cells if cell.normalized_score_reason):
            why.setdefault(reason, []).append(column)
    return why


def sample(column: Column, cells: Iterable[Cell | None]) -> str:
    """Say how many slices a distance is over, and how far apart real slices are; empty for what is no distance."""
    for cell in cells:
        if cell is not None and "n_real" in cell.extra:
            folds = "in the first fold " if len(next(iter(cell.by_seed.values()), {})) > 1 else ""
            return folds + remark(column, cell.extra)
    return ""


def remark(column: Column, extra: Mapping[str, object], score: float | None = None) -> str:
    """Say what a score of all participants together rests on: slices and floor, or limits of agreement; else empty.

    Args:
        column: the score's.
        extra: what came with it.
        score: the score itself, to say so where it lies under its floor.
    """
    low, high, count = extra.get("low"), extra.get("high"), extra.get("n_real")
    if isinstance(low, float) and isinstance(high, float):
        return f"limits {value(column, low)} to {value(column, high)}"
    if count is None:
        return ""
    floor, participants = extra.get("floor"), extra.get("participants")
    persons = set(map(person_of, map(str, participants))) if isinstance(participants, list) else set()
    people = f" of {counted(len(persons), 'participant')}" if persons else ""
    spread = extra.get("participant_bootstrap")
    error = f", standard error {spread['standard_error']:.2g} over participants" if isinstance(spread, dict) else ""
    scale = (
        f"real against real {value(column, floor)}"
        + (f", {UNDER_FLOOR}" if score is not None and score < floor else "")
        if isinstance(floor, float)
        else str(extra.get("floor_reason") or "no floor")
    )
    return f"N = {count} slices{people}, {scale}{error}"
