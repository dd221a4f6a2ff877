"""`petbench leaderboard`: the ranking on the terminal, or as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.text import Text

    from petbench_leaderboard.board import Board, Cell, Column, Row
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import Transfer

MOST_ROWS = 50

_MOST_JUDGED = 12
"""Methods on one board of which every two are tested for the terminal."""

#: What the terminal has room for; `--json` and `--csv` give every column.
_SHOWN = (
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


@click.group(invoke_without_command=True)
@click.option("--dataset", "-d", help="Only this cohort.")
@click.option("--split", help="Only this split.")
@click.option("--metric", default="psnr_body_suv20", show_default=True, help="What decides the order.")
@click.option("--where", help='Only rows that fulfil a condition, such as "psnr_body_suv20>30 and seed=0".')
@click.option("--json", "form", flag_value="json", help="Print everything as JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print every row as CSV.")
@click.option("--markdown", "form", flag_value="markdown", help="Print a Markdown table.")
@click.option("--latex", "form", flag_value="latex", help="Print a LaTeX table.")
@click.pass_context
def leaderboard(
    ctx: click.Context,
    /,
    *,
    dataset: str | None,
    split: str | None,
    metric: str,
    where: str | None,
    form: str | None,
) -> None:
    """Show the methods best first, each score with its gain over `identity` (the early image as it is).

    A score is the mean over patients; below it stand the gain and the part of the way from `identity` to the noise
    ceiling (`petbench score --reference noise-ceiling`). A row that lacks a patient has no rank: its coverage, such as
    3/4, is shown.
    """
    if ctx.invoked_subcommand is not None:
        return
    from petbench.home import Home
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.store import Leaderboard

    store = Leaderboard.open(Home.find().database)
    if form is None:
        print_table(store, dataset=dataset, split=split, metric=metric, where=where)
        return
    boards = rank(store, dataset=dataset, split=split, metric=metric, where=where)
    click.echo(_as_text(boards, form), nl=form == "json")


@leaderboard.command("merge")
@click.argument("other")
def merge_other(other: str) -> None:
    """Take over the runs of another leaderboard, a file or a database's URL; again, it changes nothing."""
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import merge

    _say(merge(Leaderboard.open(Home.find().database), other))


@leaderboard.command("export")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--where", help="Only runs that fulfil a condition.")
def export_all(path: Path, where: str | None) -> None:
    """Write runs with phases and scores to PATH, one JSON object a line."""
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import export_runs

    click.echo(f"{export_runs(Leaderboard.open(Home.find().database), path, where=where)} runs written to {path}")


@leaderboard.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_all(path: Path) -> None:
    """Take over the runs that `petbench leaderboard export` wrote to PATH; again, it changes nothing."""
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import import_runs

    _say(import_runs(Leaderboard.open(Home.find().database), path))


def _say(transfer: Transfer) -> None:
    click.echo(f"{transfer.new} new runs, {transfer.more} with new scores, {transfer.known} known already")


def _as_text(boards: list[Board], form: str) -> str:
    from petbench_leaderboard.exports import to_csv, to_json
    from petbench_leaderboard.report.tables import to_latex, to_markdown

    return {"json": to_json, "csv": to_csv, "markdown": to_markdown, "latex": to_latex}[form](boards)


def print_table(
    store: Leaderboard,
    *,
    dataset: str | None,
    split: str | None,
    metric: str = "psnr_body_suv20",
    where: str | None = None,
    highlight: int | None = None,
) -> None:
    """Print the boards; the row that run `highlight` belongs to is marked."""
    from petbench_leaderboard.ranking import rank

    boards = rank(store, dataset=dataset, split=split, metric=metric, where=where, best=MOST_ROWS)
    if not boards:
        click.echo("nothing on the leaderboard yet; start with: petbench run --method pix2pix")
    for board in boards:
        _print_board(board, highlight)
        if board.omitted:
            click.echo(f"and {board.omitted} further rows; --where narrows, --csv gives all")


def _print_board(board: Board, highlight: int | None) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from petbench.cli.console import standard_output
    from petbench_leaderboard.report import labels

    console = standard_output()
    scored = f"{len(board.participants)} test participant" + ("s" if len(board.participants) != 1 else "")
    console.print(Text.assemble((board.dataset, "bold"), f"  split {board.split}, {scored}, protocol {board.protocol}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("method", no_wrap=True)
    by_name = {column.metric: column for column in reversed(board.columns)}
    found = [(by_name[name], heading, digits) for name, heading, digits in _SHOWN if name in by_name]
    shown = [entry for entry in found if any(_has_mean(row, entry[0]) for row in board.rows)]
    for _, heading, _ in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("trained", "s/volume", "parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    notes: dict[str, None] = {}
    ranks, verdict = _judged(board)
    for row in board.rows:
        mark = highlight is not None and highlight in row.run_ids
        place = str(row.rank) if row.rank else ("·" if row.role != "method" else "-")
        place += ranks.get(row.run_ids, "")
        cells = [_cell_text(row.cells.get(column), digits) for column, _, digits in shown]
        for column, heading, _ in found:
            cell = row.cells.get(column)
            if cell is not None and cell.mean is None and cell.reason:
                notes[f"{heading}: {cell.reason.partition(';')[0]}; petbench doctor says what to do"] = None
        table.add_row(place, _method_text(row, mark=mark), *cells, *_costs(row))
    console.print(table)
    if shown:
        words = (
            "PSNR in dB; under it the gain over identity, positive is better, and the way from identity to the ceiling"
        )
        console.print(Text(words, "dim"), soft_wrap=True)
    samples = {heading: labels.sample(row.cells.get(column) for row in board.rows) for column, heading, _ in shown}
    notes = {f"{heading}: {sample}": None for heading, sample in samples.items() if sample} | notes
    for note in [*([verdict] if verdict else []), *notes]:
        console.print(Text(f"– {note}", "dim"), soft_wrap=True)
    for run in board.unscored:
        console.print(
            Text(f"run {run.id} {run.method} seed {run.seed}: {run.status}, {run.error_message or ''}", "red")
        )


def _has_mean(row: Row, column: Column) -> bool:
    cell = row.cells.get(column)
    return cell is not None and cell.mean is not None


def _judged(board: Board) -> tuple[dict[tuple[int, ...], str], str]:
    """Return the rank intervals by the rows' runs, and which methods are to be read as ties.

    A board of many methods is judged on the site: every two of them are tested, which takes a while.
    """
    if not 1 < sum(row.rank is not None for row in board.rows) <= _MOST_JUDGED:
        return {}, ""
    from petbench_leaderboard.statistics.analysis import analyse
    from petbench_leaderboard.statistics.separation import separation

    statistics = analyse(board)
    known = statistics.rows if statistics else ()
    ranks = {
        row.run_ids: f"\n{found.rank_interval[0]}–{found.rank_interval[1]}"
        for row, found in zip(board.rows, known, strict=False)
        if found and found.rank_interval and found.rank_interval[0] < found.rank_interval[1]
    }
    return ranks, separation(board, statistics)


def _method_text(row: Row, *, mark: bool) -> Text:
    from rich.text import Text

    name = Text(row.run.method, style="bold" if mark else ("" if row.role == "method" else "italic"))
    details = []
    if row.run.preset not in (None, "default"):
        details.append(str(row.run.preset))
    if row.role == "method" or len(row.seeds) > 1:
        details.append(f"seed {', '.join(str(seed) for seed in row.seeds)}")
    if row.role == "oracle":
        details.append("oracle")
    if not row.coverage.complete:
        details.append(f"{row.coverage} scored")
    if details:
        name.append(f"\n{' · '.join(details)}", style="dim")
    return name


def _cell_text(cell: Cell | None, digits: int) -> Text:
    from rich.text import Text

    from petbench_leaderboard.report import labels

    if cell is None or cell.mean is None:
        return Text("–", style="dim")
    text = Text(f"{cell.mean:.{digits}f}")
    if cell.gain is not None:
        text.append(f"\n{cell.gain:+.{digits}f}", style="green dim" if cell.gain > 0 else "dim")
    return text.append(f"\n{labels.fraction(cell)}", style="dim")


def _costs(row: Row) -> tuple[str, str, str]:
    costs = row.costs
    seconds, volume, count = costs.train_seconds, costs.seconds_per_volume, costs.parameter_count
    return (
        "" if seconds is None else f"{seconds:.0f} s",
        "" if volume is None else f"{volume:.2f}",
        "" if not count else (f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:.0f}"),
    )
