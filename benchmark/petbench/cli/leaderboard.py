"""`petbench leaderboard`: the ranking on the terminal, or as data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from petbench.cli.options import name_on_the_board, names, only_task_option
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.report.publication.times import Form
    from petbench_leaderboard.store import Leaderboard
    from petbench_leaderboard.transfer import Transfer

MOST_ROWS = 50


@click.group(invoke_without_command=True)
@click.option("--dataset", "-d", callback=name_on_the_board, help="Only this dataset.")
@click.option("--split", help="Only this split.")
@only_task_option
@click.option("--metric", help="What decides the order. Default: what the board's task ranks by, see `petbench tasks`.")
@click.option("--where", help='Only rows that fulfil a condition, such as "psnr_body_suv20>30 and seed=0".')
@click.option("--validation", is_flag=True, help="Also the means on validation participants, which rank nothing.")
@click.option(
    "--columns",
    callback=names,
    metavar="NAME,...",
    help="With --latex or --markdown: metrics, costs, settings, seeds, gain.METRIC, normalized.METRIC, "
    "validation.METRIC, over.REFERENCE.",
)
@click.option("--digits", metavar="N", help="With --latex or --markdown: decimals of scores, such as 2 or 2,METRIC=1.")
@click.option("--time-to-target", is_flag=True, help="Show instead how long each method trained to be good enough.")
@click.option(
    "--target",
    type=float,
    metavar="SUV",
    help="With --time-to-target: the validation error that is enough. Default: that of the strongest reference.",
)
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
    task: str | None,
    metric: str | None,
    where: str | None,
    validation: bool,
    columns: tuple[str, ...],
    digits: str | None,
    time_to_target: bool,
    target: float | None,
    form: str | None,
) -> None:
    """Show the methods best first, each score with its gain over `identity` (the early image as it is).

    A score is the mean over participants. Below it stand its gain, positive where better, and its normalized score:
    0 % at `identity`, 100 % at what can be predicted of simulated participants (`petbench score --reference
    predictable`). A row that lacks a participant, or lost a seed, has no rank: its coverage, such as 3/4 or 2/3 seeds,
    is shown. One row of a method competes, chosen on validation; the method's other rows are variants, shown last and
    unranked. --metric takes any metric that was scored, a plugin's too: one without a direction ranks by the distance
    from its best value.

    With --time-to-target it shows instead the seconds that each method trained until its mean absolute error on the
    validation participants was first as low as that of the final model of `kinetic` (without one `ridge`, `scale` or
    `identity`), or as --target: a table for each hardware, and performance profiles over several folds or datasets.

    \b
    petbench leaderboard --dataset fdg-phantom-60
    petbench leaderboard --latex --columns psnr_body_suv20,gain.psnr_body_suv20,over.kinetic --digits 1
    petbench leaderboard --time-to-target --target 0.25
    """
    if ctx.invoked_subcommand is not None:
        return
    if columns or digits is not None:
        _check_form(form, time_to_target=time_to_target)
    if time_to_target or target is not None:
        _check_times(time_to_target, target, metric)
        _print_times({"dataset": dataset, "split": split, "task": task, "where": where}, target, form)
        return
    from petbench.api.boards import leaderboard as ranking

    if form is None:
        store = session().leaderboard
        print_table(store, dataset=dataset, split=split, task=task, metric=metric, where=where, validation=validation)
        return
    from petbench_leaderboard.report.publication.chosen import needs_validation

    validation = validation or needs_validation(columns)
    asked = {"dataset": dataset, "split": split, "task": task, "metric": metric, "where": where}
    found = ranking(**asked, validation=validation, session=session())
    click.echo(_as_text(found.boards, form, columns, digits), nl=form == "json")


def _check_form(form: str | None, *, time_to_target: bool) -> None:
    from petbench.errors import UsageError

    if form not in ("latex", "markdown") or time_to_target:
        raise UsageError(
            "--columns and --digits are of the tables that --latex and --markdown print; --csv and --json have every "
            "column and digit"
        )


def _check_times(time_to_target: bool, target: float | None, metric: str | None) -> None:
    from petbench.errors import UsageError

    if not time_to_target:
        raise UsageError("--target is of --time-to-target; give both")
    if metric is not None:
        raise UsageError("--metric orders a ranking; --time-to-target orders by seconds, so give one of the two")
    if target is not None and not 0.0 < target < math.inf:
        raise UsageError(f"--target {target:g} is no validation error: give a number of SUV above 0, such as 0.25")


def _print_times(only: Mapping[str, Any], target: float | None, form: str | None) -> None:
    from petbench.cli.time_table import print_times
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.report.publication.times import times_as_text
    from petbench_leaderboard.timing.profiles import time_profiles
    from petbench_leaderboard.timing.tables import board_times

    store = session().leaderboard
    boards = rank(store, **only, best=MOST_ROWS if form is None else None)
    times = [board_times(store, board, target) for board in boards]
    profiles = time_profiles(times)
    if form is not None:
        click.echo(times_as_text(times, profiles, cast("Form", form)), nl=form == "json")
    elif boards:
        print_times(times, profiles)
    else:
        click.echo(_nothing(only["where"]))


_TRUSTED = click.option(
    "--trusted",
    is_flag=True,
    help="Keep what the rows say of their verification. Default: they become `self-reported`.",
)


_SUBMITTER = click.option(
    "--submitter",
    metavar="NAME",
    help="Whose the rows are; rows of two submitters never mix. Default: the file's name.",
)


@leaderboard.command("merge")
@click.argument("other")
@_TRUSTED
@_SUBMITTER
def merge_other(other: str, *, trusted: bool, submitter: str | None) -> None:
    """Take over the runs of another leaderboard, a file or a database's URL; again, it changes nothing.

    Nobody here has verified them, so new rows become `self-reported`. --trusted, for leaderboards of your
    own, keeps their verification, and verified rows replace the same runs that are only self-reported here.
    """
    from petbench_leaderboard.transfer import merge

    _say(merge(session().leaderboard, other, trusted=trusted, submitter=submitter))


@leaderboard.command("export")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--where", help="Only runs that fulfil a condition.")
def export_all(path: Path, where: str | None) -> None:
    """Write runs with phases and scores to PATH, one JSON object a line."""
    from petbench.terminal import progress_bar
    from petbench_leaderboard.report.formatting import counted
    from petbench_leaderboard.transfer import export_runs

    with progress_bar() as progress:
        count = export_runs(session().leaderboard, path, where=where, progress=progress)
    click.echo(f"{counted(count, 'run')} written to {path}")


@leaderboard.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_TRUSTED
@_SUBMITTER
def import_all(path: Path, *, trusted: bool, submitter: str | None) -> None:
    """Take over the runs that `petbench leaderboard export` wrote to PATH; again, it changes nothing.

    Nobody here has verified them, so new rows become `self-reported`. --trusted, for leaderboards of your
    own, keeps their verification, and verified rows replace the same runs that are only self-reported here.
    """
    from petbench_leaderboard.transfer import import_runs

    _say(import_runs(session().leaderboard, path, trusted=trusted, submitter=submitter))


def _say(transfer: Transfer) -> None:
    from petbench_leaderboard.report.formatting import counted

    click.echo(f"{counted(transfer.new, 'new run')}, {transfer.more} with new scores, {transfer.known} known already")


def _as_text(boards: Sequence[Board], form: str, columns: Sequence[str], digits: str | None) -> str:
    from petbench_leaderboard.exports import to_csv, to_json
    from petbench_leaderboard.report.publication.chosen import Digits
    from petbench_leaderboard.report.publication.tables import OWN_DIGITS, to_latex, to_markdown

    if form in ("json", "csv"):
        return {"json": to_json, "csv": to_csv}[form](boards)
    decimals = OWN_DIGITS if digits is None else Digits.parse(digits)
    decimals.check(boards)
    return {"markdown": to_markdown, "latex": to_latex}[form](boards, columns, decimals)


def print_table(
    store: Leaderboard,
    *,
    dataset: str | None,
    split: str | None,
    task: str | None = None,
    metric: str | None = None,
    where: str | None = None,
    highlight: int | None = None,
    validation: bool = False,
) -> None:
    """Print the boards; the row that run `highlight` belongs to is marked."""
    from petbench.cli.board_table import print_board
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.report.formatting import counted

    only = {"dataset": dataset, "split": split, "task": task}
    boards = rank(store, **only, metric=metric, where=where, best=MOST_ROWS, validation=validation)
    if not boards:
        click.echo(_nothing(where))
    for board in boards:
        print_board(board, highlight)
        if board.omitted:
            click.echo(f"and {counted(board.omitted, 'further row')}; --where narrows, --csv gives all")


def _nothing(where: str | None) -> str:
    if where is not None:
        return f"no row fulfils --where {where!r}"
    return "nothing on the leaderboard yet; start with: petbench run --method pix2pix"
