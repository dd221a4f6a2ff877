"""`petbench runs`: look at single runs."""

from __future__ import annotations

import click


@click.group()
def runs() -> None:
    """List runs, show one of them, read its log, or go on with one that was stopped."""


@runs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
@click.option("--status", help="Only runs with this status.")
@click.option("--method", help="Only runs of this method.")
@click.option("--where", help='Only runs that fulfil a condition, such as "seed=0 and status=failed".')
def list_runs(*, as_json: bool, status: str | None, method: str | None, where: str | None) -> None:
    """List every run, failures included, newest first."""
    from petbench.cli.console import print_json
    from petbench.cli.result import print_runs, run_facts
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

    leaderboard = Leaderboard.open(Home.find().database)
    rows = leaderboard.runs(status=status, method=method, where=where)
    if as_json:
        print_json([run_facts(row) for row in rows])
    else:
        print_runs(rows)


@runs.command("show")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def show_run(run_id: int, *, as_json: bool) -> None:
    """Show run ID in full: identity, parameters, phases, scores participant by participant, failure."""
    from petbench.cli.result import print_run
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

    print_run(Leaderboard.open(Home.find().database), run_id, as_json=as_json)


@runs.command("log")
@click.argument("run_id", type=int, metavar="ID")
def show_log(run_id: int) -> None:
    """Print the log of run ID."""
    from petbench.errors import DataError
    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    row = Leaderboard.open(home.database).run(run_id)
    path = home.folder / str(row.log_path)
    if not row.log_path or not path.is_file():
        raise DataError(f"run {run_id} has no log at {path}; it may have been deleted")
    click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)


@runs.command("resume")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the row and its scores as JSON.")
def resume_run(run_id: int, *, as_json: bool) -> None:
    """Go on with the interrupted run ID from its checkpoint, as repeating its command would."""
    from petbench.cli.result import print_result
    from petbench.home import Home
    from petbench.runs.execute import resume
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    leaderboard = Leaderboard.open(home.database)
    row = resume(run_id, home, leaderboard)
    print_result(leaderboard, row, home, repeated=False, as_json=as_json)
    if row.status != "ok":
        raise SystemExit(130 if row.status == "interrupted" else 1)


@runs.command("delete")
@click.argument("run_id", type=int, metavar="ID")
@click.confirmation_option(prompt="Delete the run with its predictions and model?")
def delete_run(run_id: int) -> None:
    """Delete run ID: its row, scores, predictions and model."""
    import shutil

    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    Leaderboard.open(home.database).delete(run_id)
    for folder in home.runs.glob(f"{run_id:05d}-*"):
        shutil.rmtree(folder)
    click.echo(f"run {run_id} is deleted")
