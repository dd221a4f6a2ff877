"""One board of the leaderboard on the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from petbench.cli.console import standard_output
from petbench_leaderboard.cells import NO_PREDICTABLE
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import row_names, validation
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.formatting import MISSING, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.statistics.analysis import BoardStatistics, RowStatistics

_WIDEST = 1000
_WIDEST_METHOD = 22
_METHODS_SHARE = 4
"""Of the terminal's width, one part in so many is the method's and its settings', which wrap."""
_MOST_TESTED = 12
"""Methods on one board of which every two are tested for the terminal."""


def print_board(board: Board, highlight: int | None) -> None:
    """Print one board, as many columns as there is room for; the row that run `highlight` belongs to is marked."""
    console = standard_output()
    scored = counted(len(board.participants), "test participant")
    place = f"  split {board.split}, {scored}, task {board.task}, protocol {board.protocol}"
    console.print(Text.assemble((board.dataset, "bold"), place))
    found = written.shown_columns(board)
    found.sort(key=lambda column: column != board.ranked_by)  # what ranks is never without room
    shown = [column for column in found if any(_has_mean(row, column) for row in board.rows)]
    tested = _tested(board)
    for line in tested.lines:
        console.print(Text(line), soft_wrap=True)
    table = _table(board, shown, tested, highlight, console.width)
    kept = len(shown)
    unbounded = console.options.update(width=_WIDEST)
    while kept > 1 and console.measure(table, options=unbounded).maximum > console.width:
        kept -= 1
        table = _table(board, shown[:kept], tested, highlight, console.width)
    console.print(table)
    cells = [cell for row in board.rows for column in shown[:kept] if (cell := row.cells.get(column)) is not None]
    if any(cell.gain is not None for cell in cells):
        under = f"under a score its {written.GAIN}"
        if any(found.gain_interval for found in tested.rows.values()):
            under += ", with its 95 % interval where the board ranks by it"
        if any(cell.normalized_score is not None for cell in cells):
            under += f"; then the {written.NORMALIZED}"
        console.print(Text(under, "dim"), soft_wrap=True)
    left_out = ", ".join(written.heading(column) for column in shown[kept:])
    room = left_out and f"no room for {left_out}: --json gives all"
    others = (
        stated.unranked(board),
        *stated.notes_on_rows(board),
    )
    for note in (*tested.caveats, room, *others, *_not_normalized(board, shown[:kept]), *_notes(board, found)):
        if note:
            console.print(Text(f"– {note}", "dim"), soft_wrap=True)
    if tested.statistics is not None:
        _print_references(board, tested.statistics)
    if board.validation_columns:
        _print_validation(board)
    for run in board.unscored:
        what = ", ".join(part for part in (run.status, run.error_message) if part)
        console.print(Text(f"run {run.id} {run.method} seed {run.seed}: {what}", "red"))


def _print_references(board: Board, statistics: BoardStatistics) -> None:
    """Print by how much each competing method is better than each reference, and how sure that is."""
    from petbench_leaderboard.report.reference_table import NOTE, reference_table

    found = reference_table(board, statistics)
    if found is None:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(NOTE, "dim"), title_justify="left")
    table.add_column("method", overflow="fold")
    for reference in found.references:
        table.add_column(Text(f"over {reference}"), justify="right", overflow="fold")
    for method, cells in found.rows:
        table.add_row(Text(method), *map(Text, cells))
    standard_output().print(table)


def _print_validation(board: Board) -> None:
    """Print the rows' means on validation, in a table of their own: nothing there stands beside a test score."""
    console = standard_output()
    columns = [column for column in board.validation_columns if column.facts.shown]
    columns.sort(key=lambda column: (column.facts.place, column))
    called = row_names.names(board.rows)
    unbounded = console.options.update(width=_WIDEST)
    while columns:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(validation.NOTE), title_justify="left")
        table.add_column("method", overflow="fold", max_width=console.width // _METHODS_SHARE)
        for column in columns:
            table.add_column(_heading(column), justify="right", no_wrap=True)
        for row in board.rows:
            cells = (row.validation.get(column) for column in columns)
            shown = (written.mean(c, cell) if cell else MISSING for c, cell in zip(columns, cells, strict=True))
            table.add_row(Text(called[row.run.run_group]), *shown)
        if len(columns) == 1 or console.measure(table, options=unbounded).maximum <= console.width:
            console.print(table)
            break
        columns.pop()
    why = {cell.reason for row in board.rows for cell in row.validation.values() if cell.reason}
    for reason in sorted(why):
        console.print(Text(f"– no mean on validation: {reason}", "dim"), soft_wrap=True)


def _table(board: Board, shown: Sequence[Column], tested: _Tested, highlight: int | None, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("method", overflow="fold", max_width=min(_WIDEST_METHOD, width // _METHODS_SHARE))
    headings: list[Text | str] = [*map(_heading, shown), "trained", "s/volume", "parameters"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    settings = row_names.settings(board.rows)
    for row in board.rows:
        mark = highlight is not None and highlight in row.run_ids
        place = str(row.rank) if row.rank else ("·" if row.role != "competitor" else "-")
        found = tested.rows.get(row.run_ids)
        cells = [
            _cell_text(column, row.cells.get(column), found if column == board.ranked_by else None) for column in shown
        ]
        method = _method_text(row, board.ranked_by, settings[row.run.run_group], mark=mark)
        table.add_row(place + _possible_ranks(found), method, *cells, *_costs(row))
    return table


def _heading(column: Column) -> Text:
    heading = Text(f"{written.label(column)} {written.arrow(column)}".rstrip())
    return heading.append(f"\n{written.detail(column)}", style="dim not bold")


def _has_mean(row: Row, column: Column) -> bool:
    cell = row.cells.get(column)
    return cell is not None and cell.mean is not None


def _notes(board: Board, columns: Sequence[Column]) -> list[str]:
    """Return how many slices the distances are over, and why cells are empty, each once."""
    samples = {column: written.sample(column, (row.cells.get(column) for row in board.rows)) for column in columns}
    notes = [f"{written.label(column)}: {sample}" for column, sample in samples.items() if sample]
    notes += written.under_floor(board, columns)
    for column in columns:
        for row in board.rows:
            cell = row.cells.get(column)
            if cell is not None and cell.mean is None and cell.reason:
                reason = cell.reason.partition(";")[0]
                doctor = "; petbench doctor says what to do" if reason.startswith("weights unavailable") else ""
                notes.append(f"{written.label(column)}: {reason}{doctor}")
    return list(dict.fromkeys(notes))


def _not_normalized(board: Board, shown: Sequence[Column]) -> list[str]:
    """Return why columns have no normalized score, each reason once."""
    notes = []
    for reason, found in written.not_normalized(board, shown).items():
        where = "" if len(found) == len(shown) else f" for {', '.join(map(written.heading, found))}"
        fix = "; petbench score --reference predictable makes one" if reason == NO_PREDICTABLE else ""
        notes.append(f"no normalized score{where}: {reason}{fix}")
    return notes


@dataclass(frozen=True, slots=True)
class _Tested:
    """What the statistics say of a board: lines that lead it, each row's by its runs, and what limits them all."""

    lines: list[str] = field(default_factory=list)
    rows: Mapping[tuple[int, ...], RowStatistics] = field(default_factory=dict)
    caveats: list[str] = field(default_factory=list)
    statistics: BoardStatistics | None = None


def _tested(board: Board) -> _Tested:
    """Return what the tests of every two competing methods say; of many methods only that they take a while."""
    ranked = sum(row.rank is not None for row in board.rows)
    if not ranked:
        return _Tested()
    if ranked > _MOST_TESTED:
        return _Tested(caveats=[f"{ranked} methods: petbench report and --json test every two of them"])
    from petbench_leaderboard.statistics.analysis import analyse
    from petbench_leaderboard.statistics.sentences import against_references, caveats, separation

    statistics = analyse(board)
    if statistics is None:
        return _Tested()
    pairs = zip(board.rows, statistics.rows, strict=True)
    said = (separation(board, statistics), against_references(board, statistics))
    rows = {row.run_ids: found for row, found in pairs if found}
    return _Tested([sentence for sentence in said if sentence], rows, caveats(board), statistics)


def _possible_ranks(found: RowStatistics | None) -> str:
    if found is None or found.rank_interval is None or found.rank_interval[0] == found.rank_interval[1]:
        return ""
    return f"\n{found.rank_interval[0]}–{found.rank_interval[1]}"


def _method_text(row: Row, ranked_by: Column | None, settings: Sequence[str], *, mark: bool) -> Text:
    """Return the method with why it has no rank, its settings and seeds, and what all its rows come to."""
    name = Text(row.run.method, style="bold" if mark else ("" if row.role == "competitor" else "italic"))
    place = stated.place(row)
    details = [] if row.rank is not None or row.role == "reference" else [place]
    if row.role == "competitor" and not row.coverage.complete:
        details = [f"{place} scored"]
    details += _packed(settings)
    if row.role == "competitor" or len(row.seeds) > 1:
        details.append(stated.seeds(row, ranked_by))
    if best_of := stated.best_of(row, ranked_by):
        details.append(f"{best_of}, chosen on the test set")
    return name.append("".join(f"\n{detail}" for detail in details if detail), style="dim")


def _packed(parts: Sequence[str]) -> list[str]:
    """Return parts as lines, as many to a line as a method's column has room for."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= _WIDEST_METHOD:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines


def _cell_text(column: Column, cell: Cell | None, found: RowStatistics | None) -> Text:
    if cell is None or cell.mean is None:
        return Text(MISSING, style="dim")
    text = Text(written.mean(column, cell))
    if cell.gain is not None:
        gain = written.gain(column, cell, found.gain_interval if found else None)
        text.append(f"\n{gain}", style="green dim" if cell.gain > 0 else "dim")
    return text if cell.normalized_score is None else text.append(f"\n{written.normalized_score(cell)}", style="dim")


def _costs(row: Row) -> tuple[str, str, str]:
    costs = row.costs
    seconds, volume, count = costs.train_seconds, costs.seconds_per_volume, costs.parameter_count
    return (
        "" if seconds is None else f"{seconds:.0f} s",
        "" if volume is None else f"{volume:.2f}",
        "" if not count else (f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:.0f}"),
    )
