"""`petbench leaderboard log` and `petbench leaderboard remove`: what came in from elsewhere, and how it goes again."""

from __future__ import annotations

import click

from petbench.cli.session import session


@click.command("log")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def show_log(*, as_json: bool) -> None:
    """List what was accepted, reproduced, imported, merged and removed: when, whose, from which file; newest first."""
    from dataclasses import asdict

    from petbench.cli.console import print_json, standard_output
    from petbench_leaderboard.admissions import log

    entries = log(session().leaderboard)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    if not entries:
        click.echo("nothing came in from elsewhere, and nothing was removed")
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("when (UTC)", "what", "run", "method", "submitter", "file", "SHA-256"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M}"
        cells = (when, entry.action, str(entry.run_id), entry.method, entry.submitter, entry.source, entry.digest[:12])
        table.add_row(*map(Text, cells))
    standard_output().print(table)


@click.command()
@click.argument("run_id", metavar="ROW", type=int)
@click.confirmation_option(
    prompt="Remove every run of this row with its scores, and the files that are kept of it here?"
)
def remove(run_id: int) -> None:
    """Remove a whole ROW of the leaderboard, named by any of its runs: all seeds and folds, scores and kept files.

    The log keeps that it was there. A run that is taken in again from its file comes back.
    """
    from petbench.runs.delete import delete_run
    from petbench_leaderboard.report.formatting import counted

    home, leaderboard = session().home, session().leaderboard
    row = leaderboard.run(run_id)
    runs = leaderboard.runs(run_groups=[row.run_group])
    for run in runs:
        if kept := delete_run(run.id, home, leaderboard, noted=True):
            click.echo(f"run {run.id}: its folder stays: {kept}", err=True)
    click.echo(f"{row.method}: {counted(len(runs), 'run')} removed")
