"""One board of the leaderboard on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from petbench.cli.console import standard_output
from petbench_leaderboard.report import formatting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Board, Cell, Column, Row

Shown = tuple["Column", str, int]
"""A column, its heading, and how many digits it has after the point."""

_METRICS = (
    ("psnr_body_suv20", "PSNR body", 2),
    ("psnr_volume_max", "volume", 2),
    ("psnr_slice_volume_max", "slice", 2),
    ("ssim_body_suv20", "SSIM", 4),
    ("mae_body_suv", "MAE SUV", 3),
    ("rmse_body_suv", "RMSE SUV", 3),
    ("organ_suvmean_error", "organs %", 1),
    ("fid", "FID", 2),
    ("fd_768", "FD-768", 3),
    ("fd_randconv", "FD-randconv", 2),
)
_WIDEST = 1000
_MOST_JUDGED = 12
"""Methods on one board of which every two are tested for the terminal."""


def print_board(board: Board, highlight: int | None) -> None:
    """Print one board, as many columns as there is room for; the row that run `highlight` belongs to is marked."""
    console = standard_output()
    scored = f"{len(board.participants)} test participant" + ("s" if len(board.participants) != 1 else "")
    console.print(Text.assemble((board.dataset, "bold"), f"  split {board.split}, {scored}, protocol {board.protocol}"))
    by_name = {column.metric: column for column in reversed(board.columns)}
    found = [(by_name[name], heading, digits) for name, heading, digits in _METRICS if name in by_name]
    if board.ranked_by and board.ranked_by not in [column for column, _, _ in found]:
        found.append((board.ranked_by, board.ranked_by.metric, 3))
    found.sort(key=lambda entry: entry[0] != board.ranked_by)  # what ranks is never without room
    shown = [entry for entry in found if any(_has_mean(row, entry[0]) for row in board.rows)]
    ranks, verdict = _judged(board)
    table = _table(board, shown, ranks, highlight)
    kept = len(shown)
    unbounded = console.options.update(width=_WIDEST)
    while kept > 1 and console.measure(table, options=unbounded).maximum > console.width:
        kept -= 1
        table = _table(board, shown[:kept], ranks, highlight)
    console.print(table)
    if shown:
        words = "PSNR in dB; under each score its gain over identity, positive is better"
        bounded = any(cell.normalized_score is not None for row in board.rows for cell in row.cells.values())
        words += ", and how far it is from there to the ceiling" if bounded else ""
        console.print(Text(words, "dim"), soft_wrap=True)
    left_out = ", ".join(heading for _, heading, _ in shown[kept:])
    room = left_out and f"no room for {left_out}: --json gives all"
    for note in (verdict, room, *_without_fraction(board, shown[:kept]), *_notes(board, found)):
        if note:
            console.print(Text(f"– {note}", "dim"), soft_wrap=True)
    for run in board.unscored:
        what = ", ".join(part for part in (run.status, run.error_message) if part)
        console.print(Text(f"run {run.id} {run.method} seed {run.seed}: {what}", "red"))


def _table(board: Board, shown: Sequence[Shown], ranks: Mapping[tuple[int, ...], str], highlight: int | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for heading in (*(heading for _, heading, _ in shown), "trained", "s/volume", "parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in board.rows:
        mark = highlight is not None and highlight in row.run_ids
        place = str(row.rank) if row.rank else ("·" if row.role != "competitor" else "-")
        cells = [_cell_text(row.cells.get(column), digits) for column, _, digits in shown]
        table.add_row(place + ranks.get(row.run_ids, ""), _method_text(row, mark=mark), *cells, *_costs(row))
    return table


def _has_mean(row: Row, column: Column) -> bool:
    cell = row.cells.get(column)
    return cell is not None and cell.mean is not None


def _notes(board: Board, columns: Sequence[Shown]) -> list[str]:
    """Return what stands behind the distances, and why cells are empty, each once."""
    samples = {
        heading: formatting.sample(row.cells.get(column) for row in board.rows) for column, heading, _ in columns
    }
    notes = [f"{heading}: {sample}" for heading, sample in samples.items() if sample]
    for column, heading, _ in columns:
        for row in board.rows:
            cell = row.cells.get(column)
            if cell is not None and cell.mean is None and cell.reason:
                reason = cell.reason.partition(";")[0]
                doctor = "; petbench doctor says what to do" if reason.startswith("weights unavailable") else ""
                notes.append(f"{heading}: {reason}{doctor}")
    return list(dict.fromkeys(notes))


def _without_fraction(board: Board, shown: Sequence[Shown]) -> list[str]:
    """Return why scores say no share of the way from identity to the ceiling, each reason once."""
    reasons: dict[str, list[str]] = {}
    for column, heading, _ in shown:
        cells = [cell for row in board.rows if (cell := row.cells.get(column)) is not None and cell.mean is not None]
        if cells and all(cell.normalized_score is None for cell in cells):
            reasons.setdefault(cells[0].normalized_score_reason or "", []).append(heading)
    notes = []
    for reason, headings in reasons.items():
        where = "" if len(headings) == len(shown) else f" for {', '.join(headings)}"
        mend = "; petbench score --reference repeat-scan makes one" if reason == "no repeat scan" else ""
        notes.append(f"no share of the way from identity to the ceiling{where}: {reason}{mend}")
    return notes


def _judged(board: Board) -> tuple[dict[tuple[int, ...], str], str]:
    """Return the rank intervals by the rows' runs, and which methods are to be read as ties.

    A board of many methods is judged on the site: every two of them are tested, which takes a while.
    """
    if not 1 < sum(row.rank is not None for row in board.rows) <= _MOST_JUDGED:
        return {}, ""
    from petbench_leaderboard.statistics.analysis import analyse, separation

    statistics = analyse(board)
    known = statistics.rows if statistics else ()
    ranks = {
        row.run_ids: f"\n{found.rank_interval[0]}–{found.rank_interval[1]}"
        for row, found in zip(board.rows, known, strict=False)
        if found and found.rank_interval and found.rank_interval[0] < found.rank_interval[1]
    }
    return ranks, separation(board, statistics)


def _method_text(row: Row, *, mark: bool) -> Text:
    name = Text(row.run.method, style="bold" if mark else ("" if row.role == "competitor" else "italic"))
    details = []
    if row.run.preset not in (None, "", "default"):
        details.append(str(row.run.preset))
    if row.role == "competitor" or len(row.seeds) > 1:
        details.append(f"seed {', '.join(str(seed) for seed in row.seeds)}")
    if row.role == "privileged":
        details.append("privileged")
    if not row.coverage.complete:
        details.append(f"{row.coverage} scored")
    if details:
        name.append(f"\n{' · '.join(details)}", style="dim")
    return name


def _cell_text(cell: Cell | None, digits: int) -> Text:
    if cell is None or cell.mean is None:
        return Text("–", style="dim")
    text = Text(f"{cell.mean:.{digits}f}")
    if cell.gain is not None:
        text.append(f"\n{cell.gain:+.{digits}f}", style="green dim" if cell.gain > 0 else "dim")
    return text if cell.normalized_score is None else text.append(f"\n{formatting.fraction(cell)}", style="dim")


def _costs(row: Row) -> tuple[str, str, str]:
    costs = row.costs
    seconds, volume, count = costs.train_seconds, costs.seconds_per_volume, costs.parameter_count
    return (
        "" if seconds is None else f"{seconds:.0f} s",
        "" if volume is None else f"{volume:.2f}",
        "" if not count else (f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:.0f}"),
    )
