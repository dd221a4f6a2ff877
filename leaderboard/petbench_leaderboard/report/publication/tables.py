"""Boards as tables for a paper: Markdown and LaTeX, rounded as on the page. Full precision is in JSON and CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from petbench_datasets.files import write_text
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exports import safe_cell, to_csv
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting, row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.statistics.analysis import analyse, row_key
from petbench_leaderboard.statistics.sentences import against_references, caveats, separation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics
    from petbench_leaderboard.statistics.intervals import Interval
    from petbench_leaderboard.statistics.paired import Comparison

_DECIMALS = 3  # of differences and p
_NOTES = (
    f"Mean ± standard deviation over participants. In brackets: {written.GAIN}; then the {written.NORMALIZED}, where "
    "there is one."
)
COMPARISONS = (
    "Difference: the mean of first minus second, participant by participant, with its 95 % interval; smallest "
    "detectable: what 80 % of such studies would find; adjusted p: the larger of Wilcoxon's and the interval's after "
    "Holm's correction. Apart: adjusted p below 0.05; it cannot decide where no p so small is possible with so many "
    "participants. Family: what is corrected together, methods with each other or methods with references."
)
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "“": "``",
    "”": "''",
}


def to_markdown(boards: Iterable[Board]) -> str:
    """Return each board as a heading and a Markdown table."""
    return "\n".join(_markdown(board) for board in boards)


def to_latex(boards: Iterable[Board]) -> str:
    r"""Return each board as a `table` with booktabs' rules: `\usepackage{booktabs}` is all it needs."""
    return "\n".join(_latex(board) for board in boards)


def _markdown(board: Board) -> str:
    statistics = analyse(board)
    head, rows = _rows(board, statistics, escape_markdown)
    notes = escape_markdown(_notes(board, statistics))
    return f"{_as_markdown(escape_markdown(board_title(board)), head, rows, texts=3)}\n{notes}\n"


def _latex(board: Board) -> str:
    statistics = analyse(board)
    head, rows = _rows(board, statistics, escape_latex)
    return _as_latex(escape_latex(f"{board_title(board)}. {_notes(board, statistics)}"), head, rows, texts=3)


def _as_markdown(title: str, head: list[str], rows: list[list[str]], *, texts: int) -> str:
    sides = [":---"] * texts + ["---:"] * (len(head) - texts)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, sides, *rows)]
    return "\n".join([f"**{title}**", "", *lines, ""])


def _as_latex(title: str, head: list[str], rows: list[list[str]], *, texts: int) -> str:
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{title}}}",
        rf"\begin{{tabular}}{{{'l' * texts}{'r' * (len(head) - texts)}}}",
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


def board_title(board: Board) -> str:
    """Return what tells a board from others, in one line."""
    tested = formatting.counted(len(board.participants), "participant")
    return f"{board.dataset}, split {board.split}, {tested}, protocol {board.protocol}"


def _notes(board: Board, statistics: BoardStatistics | None) -> str:
    """Say which methods are apart and what limits that, what the numbers are, and why some are missing or weak."""
    columns = written.shown_columns(board)
    why = written.not_normalized(board, columns)
    found = [f"{reason} ({', '.join(map(written.heading, of_reason))})" for reason, of_reason in why.items()]
    notes = [f"No normalized score: {'; '.join(found)}."] if found else []
    others = [
        *written.under_floor(board, columns),
        *stated.notes_on_rows(board),
    ]
    apart = [
        separation(board, statistics),
        against_references(board, statistics),
        *(caveats(board) if statistics else []),
    ]
    others = [f"{note[0].upper()}{note[1:]}." for note in others if note]
    return " ".join([*filter(None, apart), _NOTES, *notes, *others])


def _rows(
    board: Board, statistics: BoardStatistics | None, escape: Callable[[str], str]
) -> tuple[list[str], list[list[str]]]:
    columns = written.shown_columns(board)
    head = ["", "Method", "Settings", *(_head(column) for column in columns), "Training", "Parameters"]
    known = statistics.rows if statistics else (None,) * len(board.rows)
    settings = row_names.settings(board.rows)
    rows = [
        _row(row, columns, board.ranked_by, found.gain_interval if found else None, settings[row.run.run_group])
        for row, found in zip(board.rows, known, strict=True)
    ]
    return [escape(text) for text in head], [[escape(text) for text in row] for row in rows]


def _head(column: Column) -> str:
    return f"{written.heading(column)} {written.arrow(column)}".rstrip()


def _row(
    row: Row, columns: Sequence[Column], ranked_by: Column | None, of_gain: Interval | None, settings: Sequence[str]
) -> list[str]:
    cells = [_cell(row.cells.get(column), column, of_gain if column == ranked_by else None) for column in columns]
    costs = row.costs
    parts = (", ".join(settings), stated.seeds(row, ranked_by), stated.best_of(row, ranked_by))
    return [
        stated.place(row),
        row.run.method,
        "; ".join(part for part in parts if part),
        *cells,
        formatting.duration(costs.train_seconds),
        formatting.count(costs.parameter_count),
    ]


def _cell(cell: Cell | None, column: Column, of_gain: Interval | None) -> str:
    if cell is None or cell.mean is None:
        return formatting.MISSING
    spread = "" if cell.standard_deviation is None else f" ± {written.value(column, cell.standard_deviation)}"
    brackets = ", ".join(part for part in (written.gain(column, cell, of_gain), written.normalized_score(cell)) if part)
    return f"{written.mean(column, cell)}{spread}{f' ({brackets})' if brackets else ''}"


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is: names come from plugins."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", " ".join(text.split()))


def escape_latex(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


TABLES = {
    1: "the leaderboard",
    2: "every participant by method",
    3: "all comparisons of two methods, and of methods with references",
}
TABLE_FORMATS = (".tex", ".md", ".csv")


def export_table(board: Board, number: int, path: Path) -> Path:
    """Write a table of a board as LaTeX, Markdown or CSV, as the path's suffix says.

    LaTeX and Markdown are rounded for people, CSV has every digit.

    Args:
        board: which.
        number: 1 the leaderboard, 2 every participant by method, 3 all comparisons of two methods and with references.
        path: where.

    Raises:
        LeaderboardError: there is no such table or format.
    """
    if number not in TABLES:
        raise LeaderboardError(f"there is no table {number}: {'; '.join(f'{n} is {t}' for n, t in TABLES.items())}")
    kind = path.suffix.lower()
    if kind not in TABLE_FORMATS:
        raise LeaderboardError(f"a table cannot be written as {path.name}: end the name in {', '.join(TABLE_FORMATS)}")
    if number == 1:
        text = {".tex": to_latex, ".md": to_markdown, ".csv": to_csv}[kind]([board])
    else:
        head, rows = _participants(board) if number == 2 else _comparisons(board)
        decimals = board.ranked_by.facts.decimals if number == 2 and board.ranked_by else _DECIMALS
        title = f"{board_title(board)}: {TABLES[number]}"
        if number == 3:
            title = " ".join([f"{title}.", COMPARISONS, *caveats(board)])
        text = as_text(title, head, rows, kind, decimals, texts=1 if number == 2 else 3)
    write_text(path, text)
    return path


def _participants(board: Board) -> tuple[list[str], list[list[str | float | None]]]:
    """Return a row a method and a column a participant, of the ranking metric."""
    column = board.ranked_by
    rows: list[list[str | float | None]] = []
    called = row_names.names(board.rows)
    for row in board.rows:
        cell = row.cells.get(column) if column else None
        values = cell.values if cell else {}
        rows.append([called[row.run.run_group], *(values.get(who) for who in board.participants)])
    return [_head(column) if column else "", *board.participants], rows


def _comparisons(board: Board) -> tuple[list[str], list[list[str | float | None]]]:
    """Return every comparison of two methods, then those with references, a family of their own.

    Of each the difference, what the data say of it, and what they can say at all.
    """
    statistics = analyse(board)
    if statistics is None:
        families: list[tuple[str, Sequence[Comparison]]] = []
    else:
        families = [("methods", statistics.comparisons), ("references", statistics.over_references)]
    called = row_names.names(board.rows)
    names = {row_key(row): called[row.run.run_group] for row in board.rows}
    head = [
        "First", "Second", "Family", "Participants", "Difference", "95 % from", "to", "Smallest detectable",
        "Wilcoxon p", "Permutation p", "Adjusted p", "Apart",
    ]  # fmt: skip
    return head, [
        [
            names[found.first], names[found.second], family, str(found.participants), found.difference,
            found.interval.low if found.interval else None, found.interval.high if found.interval else None,
            found.detectable_difference, found.wilcoxon_p, found.permutation_p, found.adjusted_p, _decision(found),
        ]
        for family, comparisons in families
        for found in comparisons
    ]  # fmt: skip


def _decision(found: Comparison) -> str:
    """Say what a test decides; one that could not find any difference with so few participants decides nothing."""
    if not found.can_decide:
        return "cannot decide"
    return "yes" if found.separated else "not found"


def as_text(
    title: str, head: list[str], rows: list[list[str | float | None]], kind: str, decimals: int, *, texts: int
) -> str:
    """Return a table as LaTeX, Markdown or CSV.

    Args:
        title: its caption; CSV has none.
        head: names of the columns.
        rows: texts, and numbers, None where there is none.
        kind: `.tex`, `.md` or `.csv`.
        decimals: of numbers; CSV has every digit.
        texts: how many of the first columns are texts, which stand on the left.
    """
    if kind == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([safe_cell(name) for name in head])
        writer.writerows([[safe_cell(value) for value in row] for row in rows])
        return text.getvalue()
    escape = escape_latex if kind == ".tex" else escape_markdown
    cells = [
        [escape(value if isinstance(value, str) else formatting.number(value, decimals)) for value in row]
        for row in rows
    ]
    heads = [escape(name) for name in head]
    table = _as_latex if kind == ".tex" else _as_markdown
    return table(escape(title), heads, cells, texts=texts)
