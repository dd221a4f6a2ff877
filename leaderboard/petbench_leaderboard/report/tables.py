"""Boards as tables for a paper: Markdown and LaTeX, rounded as on the page. Full precision is in JSON and CSV."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench_leaderboard.report import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def to_markdown(boards: Iterable[Board]) -> str:
    """Return each board as a heading and a Markdown table."""
    return "\n".join(_markdown(board) for board in boards)


def to_latex(boards: Iterable[Board]) -> str:
    r"""Return each board as a `table` with booktabs' rules: `\usepackage{booktabs}` is all it needs."""
    return "\n".join(_latex(board) for board in boards)


def _markdown(board: Board) -> str:
    head, rows = _written(board, escape_markdown)
    sides = ["---:", ":---"] + ["---:"] * (len(head) - 2)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, sides, *rows)]
    return "\n".join([f"**{escape_markdown(_title(board))}**", "", *lines, ""])


def _latex(board: Board) -> str:
    head, rows = _written(board, escape_latex)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(_title(board))}. Mean $\pm$ standard deviation over patients.}}",
        rf"\begin{{tabular}}{{rl{'r' * (len(head) - 2)}}}",
        r"\toprule",
        f"{' & '.join(head)} \\\\",
        r"\midrule",
        *(f"{' & '.join(cells)} \\\\" for cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def _title(board: Board) -> str:
    people = len(board.participants)
    return (
        f"{board.dataset}, split {board.split}, {people} patient{'' if people == 1 else 's'}, protocol {board.protocol}"
    )


def _written(board: Board, escape: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    columns = labels.headline_columns(board)
    head = ["", "Method", *(_head(column) for column in columns), "Training", "Parameters"]
    return [escape(text) for text in head], [[escape(text) for text in _row(row, columns)] for row in board.rows]


def _head(column: Column) -> str:
    label = labels.label_of(column)
    unit = labels.unit_of(column)
    arrow = {True: " ↑", False: " ↓", None: ""}[column.higher_is_better]
    detail = ", ".join(part for part in (label.detail, unit) if part)
    return f"{label.name}{f' ({detail})' if detail else ''}{arrow}"


def _row(row: Row, columns: Sequence[Column]) -> list[str]:
    place = str(row.rank) if row.rank else "" if row.coverage.complete else str(row.coverage)
    cells = [_cell(row.cells.get(column), column) for column in columns]
    costs = row.costs
    return [
        place,
        row.run.method,
        *cells,
        labels.duration(costs.train_seconds),
        labels.count(costs.parameter_count),
    ]


def _cell(cell: Cell | None, column: Column) -> str:
    if cell is None or cell.mean is None:
        return labels.MISSING
    decimals = labels.label_of(column).decimals
    spread = "" if cell.standard_deviation is None else f" ± {labels.number(cell.standard_deviation, decimals)}"
    return labels.number(cell.mean, decimals) + spread


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is: names come from plugins."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", " ".join(text.split()))


def escape_latex(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
