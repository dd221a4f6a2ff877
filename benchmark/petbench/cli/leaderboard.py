"""`petbench leaderboard`: the ranking on the terminal, or as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import name_on_the_board
from petbench.cli.session import session
from petbench_leaderboard.board import RANKING_METRICS

if TYPE_CHECKING:
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import Transfer

MOST_ROWS = 50


@click.group(invoke_without_command=True)
@click.option("--dataset", "-d", callback=name_on_the_board, help="Only this dataset.")
@click.option("--split", help="Only this split.")
@click.option("--metric", help=f"What decides the order. Default: the first there is of {', '.join(RANKING_METRICS)}.")
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
    metric: str | None,
    where: str | None,
    form: str | None,
) -> None:
    """Show the methods best first, each score with its gain over `identity` (the early image as it is).

    A score is the mean over participants. Below it stand its gain, positive where better, and its normalized score:
    0 % at `identity`, 100 % at what can be predicted of simulated participants (`petbench score --reference
    predictable`). A row that lacks a participant, or lost a seed, has no rank: its coverage, such as 3/4 or 2/3 seeds,
    is shown. One row of a method competes, chosen on validation; the method's other rows are variants, shown last and
    unranked. --metric takes any metric that was scored, a plugin's too: one without a direction ranks by the distance
    from its best value.
    """
    if ctx.invoked_subcommand is not None:
        return
    from petbench_leaderboard.ranking import rank

    store = session().leaderboard
    if form is None:
        print_table(store, dataset=dataset, split=split, metric=metric, where=where)
        return
    boards = rank(store, dataset=dataset, split=split, metric=metric, where=where)
    click.echo(_as_text(boards, form), nl=form == "json")


_TRUSTED = click.option(
    "--trusted",
    is_flag=True,
    help="Keep what the rows say of their verification. Default: they become `self-reported`.",
)


@leaderboard.command("merge")
@click.argument("other")
@_TRUSTED
def merge_other(other: str, *, trusted: bool) -> None:
    """Take over the runs of another leaderboard, a file or a database's URL; again, it changes nothing.

    Nobody here has verified them, so new rows become `self-reported`. --trusted, for leaderboards of your
    own, keeps their verification, and verified rows replace the same runs that are only self-reported here.
    """
    from petbench_leaderboard.transfer import merge

    _say(merge(session().leaderboard, other, trusted=trusted))


@leaderboard.command("export")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--where", help="Only runs that fulfil a condition.")
def export_all(path: Path, where: str | None) -> None:
    """Write runs with phases and scores to PATH, one JSON object a line."""
    from petbench_leaderboard.report.formatting import counted
    from petbench_leaderboard.transfer import export_runs

    click.echo(f"{counted(export_runs(session().leaderboard, path, where=where), 'run')} written to {path}")


@leaderboard.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_TRUSTED
def import_all(path: Path, *, trusted: bool) -> None:
    """Take over the runs that `petbench leaderboard export` wrote to PATH; again, it changes nothing.

    Nobody here has verified them, so new rows become `self-reported`. --trusted, for leaderboards of your
    own, keeps their verification, and verified rows replace the same runs that are only self-reported here.
    """
    from petbench_leaderboard.transfer import import_runs

    _say(import_runs(session().leaderboard, path, trusted=trusted))


def _say(transfer: Transfer) -> None:
    from petbench_leaderboard.report.formatting import counted

    click.echo(f"{counted(transfer.new, 'new run')}, {transfer.more} with new scores, {transfer.known} known already")


def _as_text(boards: list[Board], form: str) -> str:
    from petbench_leaderboard.exports import to_csv, to_json
    from petbench_leaderboard.report.publication.tables import to_latex, to_markdown

    return {"json": to_json, "csv": to_csv, "markdown": to_markdown, "latex": to_latex}[form](boards)


def print_table(
    store: Leaderboard,
    *,
    dataset: str | None,
    split: str | None,
    metric: str | None = None,
    where: str | None = None,
    highlight: int | None = None,
) -> None:
    """Print the boards; the row that run `highlight` belongs to is marked."""
    from petbench.cli.board_table import print_board
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.report.formatting import counted

    boards = rank(store, dataset=dataset, split=split, metric=metric, where=where, best=MOST_ROWS)
    if not boards and where is not None:
        click.echo(f"no row fulfils --where {where!r}")
    elif not boards:
        click.echo("nothing on the leaderboard yet; start with: petbench run --method pix2pix")
    for board in boards:
        print_board(board, highlight)
        if board.omitted:
            click.echo(f"and {counted(board.omitted, 'further row')}; --where narrows, --csv gives all")
