"""Boards as tables for a paper: Markdown and LaTeX, rounded as on the page. Full precision is in JSON and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.files import write_text
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exports import to_csv
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting, row_names, validation
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.publication import forms
from petbench_leaderboard.report.publication.chosen import ChosenTable, Digits, chosen_table, needs_validation
from petbench_leaderboard.statistics.analysis import analyse, row_key
from petbench_leaderboard.statistics.sentences import against_references, caveats, separation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics
    from petbench_leaderboard.statistics.intervals import Interval
    from petbench_leaderboard.statistics.paired import Comparison

OWN_DIGITS = Digits()
"""Each metric's own."""

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


def to_markdown(boards: Iterable[Board], columns: Sequence[str] = (), digits: Digits = OWN_DIGITS) -> str:
    """Return each board as a heading and a Markdown table.

    Args:
        boards: which.
        columns: by name, see `chosen.chosen_table`; none for the usual ones.
        digits: of scores; the metrics' own where nobody says.

    Raises:
        UnknownOnLeaderboardError: a board has no such column.
    """
    return "\n".join(_markdown(board, columns, digits) for board in boards)


def to_latex(boards: Iterable[Board], columns: Sequence[str] = (), digits: Digits = OWN_DIGITS) -> str:
    r"""Return each board as a `table` with booktabs' rules: `\usepackage{booktabs}` is all it needs.

    Args:
        boards: which.
        columns: as for `to_markdown`.
        digits: likewise.

    Raises:
        UnknownOnLeaderboardError: a board has no such column.
    """
    return "\n".join(_latex(board, columns, digits) for board in boards)


def _markdown(board: Board, columns: Sequence[str], digits: Digits) -> str:
    table, notes = _table(board, columns, digits)
    escape = forms.escape_markdown
    head, rows = _escaped(table, escape)
    title = escape(board_title(board))
    return f"{forms.as_markdown(title, head, rows, texts=table.texts)}\n{escape(notes)}\n"


def _latex(board: Board, columns: Sequence[str], digits: Digits) -> str:
    table, notes = _table(board, columns, digits)
    head, rows = _escaped(table, forms.escape_latex)
    return forms.as_latex(forms.escape_latex(f"{board_title(board)}. {notes}"), head, rows, texts=table.texts)


def _escaped(table: ChosenTable, escape: Callable[[str], str]) -> tuple[list[str], list[list[str]]]:
    return [escape(text) for text in table.head], [[escape(text) for text in row] for row in table.rows]


def _table(board: Board, columns: Sequence[str], digits: Digits) -> tuple[ChosenTable, str]:
    """Return a board as a table, with the usual columns or those that were chosen, and what stands under it."""
    statistics = analyse(board)
    on_validation = f" {validation.NOTE.capitalize()}." if board.validation_columns else ""
    if not columns:
        return _usual(board, statistics, digits), _notes(board, statistics) + on_validation
    said = [separation(board, statistics), against_references(board, statistics)]
    notes = [*said, *(caveats(board) if statistics else []), "Mean ± standard deviation over participants."]
    on_validation = on_validation if needs_validation(columns) else ""
    return chosen_table(board, statistics, columns, digits), " ".join(filter(None, notes)) + on_validation


def board_title(board: Board) -> str:
    """Return what tells a board from others, in one line."""
    tested = formatting.counted(len(board.participants), "participant")
    return f"{board.dataset}, split {board.split}, {tested}, task {board.task}, protocol {board.protocol}"


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


def _usual(board: Board, statistics: BoardStatistics | None, digits: Digits) -> ChosenTable:
    columns = [digits.on(column) for column in written.shown_columns(board)]
    validated = [digits.on(column) for column in board.validation_columns if column.facts.shown]
    head = ["", "Method", "Settings", *(_head(column) for column in columns)]
    head += [*(f"Validation {_head(column)}" for column in validated), "Training", "Parameters"]
    known = statistics.rows if statistics else (None,) * len(board.rows)
    settings = row_names.settings(board.rows)
    rows = [
        [
            *_row(row, columns, board.ranked_by, found.gain_interval if found else None, settings[row.run.run_group]),
            *(_on_validation(row, column) for column in validated),
            formatting.duration(row.costs.train_seconds),
            formatting.count(row.costs.parameter_count),
        ]
        for row, found in zip(board.rows, known, strict=True)
    ]
    return ChosenTable(head, rows, texts=3)


def _on_validation(row: Row, column: Column) -> str:
    cell = row.validation.get(column)
    return formatting.MISSING if cell is None else written.mean(column, cell)


def _head(column: Column) -> str:
    return f"{written.heading(column)} {written.arrow(column)}".rstrip()


def _row(
    row: Row, columns: Sequence[Column], ranked_by: Column | None, of_gain: Interval | None, settings: Sequence[str]
) -> list[str]:
    cells = [_cell(row.cells.get(column), column, of_gain if column == ranked_by else None) for column in columns]
    parts = (", ".join(settings), stated.seeds(row, ranked_by), stated.best_of(row, ranked_by))
    return [
        stated.place(row),
        row.run.method,
        "; ".join(part for part in parts if part),
        *cells,
    ]


def _cell(cell: Cell | None, column: Column, of_gain: Interval | None) -> str:
    if cell is None or cell.mean is None:
        return formatting.MISSING
    spread = "" if cell.standard_deviation is None else f" ± {written.value(column, cell.standard_deviation)}"
    brackets = ", ".join(part for part in (written.gain(column, cell, of_gain), written.normalized_score(cell)) if part)
    return f"{written.mean(column, cell)}{spread}{f' ({brackets})' if brackets else ''}"


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
        text = forms.as_text(title, head, rows, kind, decimals, texts=1 if number == 2 else 3)
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
