"""`petbench runs`: look at single runs."""

from __future__ import annotations

import dataclasses

import click

from petbench.cli.session import session

PAGE = 50
"""Runs that are listed at once: what a person reads."""


@click.group()
def runs() -> None:
    """List runs, show one of them, read its log, resume one that was stopped, bring runs in, or delete one."""


@runs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script: all runs, unless --limit is given.")
@click.option("--status", help="Only runs with this status.")
@click.option("--failed", is_flag=True, help="Only runs that failed, each with its reason and its log.")
@click.option("--method", help="Only runs of this method.")
@click.option("--where", help='Only runs that fulfil a condition, such as "seed=0 and status=failed".')
@click.option("--limit", type=click.IntRange(1), help=f"At most so many. Default: {PAGE} for people.")
@click.option("--before", type=int, metavar="ID", help="Only runs that are older than run ID: the next page.")
def list_runs(
    *,
    as_json: bool,
    status: str | None,
    failed: bool,
    method: str | None,
    where: str | None,
    limit: int | None,
    before: int | None,
) -> None:
    """List runs, failures included, newest first and a page at a time."""
    from petbench.api.runs import row_as_dict, wanted_runs
    from petbench.cli.console import print_json_list
    from petbench.cli.result import print_runs
    from petbench.errors import UsageError
    from petbench.runs.job_note import ran_on
    from petbench.runs.standing import as_it_is
    from petbench_leaderboard.records import FAILURES

    leaderboard = session().leaderboard
    if failed and status is not None:
        raise UsageError("--failed asks for every status of a failure; give it or --status")
    wanted = wanted_runs(session(), method=method, status=status, where=where, before=before)
    if failed:
        wanted = dataclasses.replace(wanted, statuses=FAILURES)
    count = leaderboard.count(wanted)
    home = session().home
    if as_json:
        found = leaderboard.batches(wanted) if limit is None else iter([leaderboard.page(wanted, limit)])
        shown = (as_it_is(row, home) for some in found for row in some)
        print_json_list(row_as_dict(row) | {"ran_on": ran_on(row, home)} for row in shown)
        return
    rows = [as_it_is(row, home) for row in leaderboard.page(wanted, limit or PAGE)]
    narrowed = failed or any(given is not None for given in (status, method, where, before))
    print_runs(rows, home, narrowed=narrowed, with_logs=failed)
    if count > len(rows):
        click.echo(
            f"and {count - len(rows):,} older; --before {rows[-1].id} shows the next, --where narrows, --json gives all"
        )


@runs.command("show")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--all", "in_full", is_flag=True, help="Show every score, parameter, phase and fact of the machine.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON for a script.")
def show_run(run_id: int, *, in_full: bool, as_json: bool) -> None:
    """Show run ID on a screen: settings, data, means on test and validation participants, times, where its files are.

    With --all it shows everything: identity, parameters, phases, scores participant by participant, failure.
    """
    from petbench.cli.result import print_run
    from petbench.cli.run_summary import print_summary

    if in_full or as_json:
        print_run(session().leaderboard, run_id, session().home, as_json=as_json)
    else:
        print_summary(session().leaderboard, run_id, session().home)


@runs.command("log")
@click.argument("run_id", type=int, metavar="ID")
def show_log(run_id: int) -> None:
    """Print the log of run ID."""
    from petbench.errors import DataError
    from petbench.runs.lookup import find_folder

    path = find_folder(session().leaderboard.run(run_id), session().home).log
    if not path.is_file():
        raise DataError(f"run {run_id} has no log at {path}; it may have been deleted")
    click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)


@runs.command("resume")
@click.argument("run_id", type=int, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the row and its scores as JSON.")
def resume_run(run_id: int, *, as_json: bool) -> None:
    """Resume the interrupted run ID from its checkpoint, as repeating its command would."""
    from petbench.cli.result import print_result
    from petbench.runs.execute import resume

    here = session()
    row = resume(run_id, here.supervisor())
    print_result(here.leaderboard, row, here.home, known=False, as_json=as_json)
    if row.status != "ok":
        raise SystemExit(130 if row.status == "interrupted" else 1)


@runs.command("collect")
@click.option("--wait", is_flag=True, help="Watch until all have ended.")
@click.option("--json", "as_json", is_flag=True, help="Print the runs that have ended as JSON.")
def collect_runs(*, wait: bool, as_json: bool) -> None:
    """Bring in what has ended of the runs that were handed over with --on, and submit again what was lost."""
    from petbench.cli.on_engine import collect

    raise SystemExit(collect(session().supervisor(), wait=wait, as_json=as_json))


@runs.command("delete")
@click.argument("run_ids", type=int, nargs=-1, metavar="[ID]...")
@click.option("--where", help='Instead of numbers: all runs that fulfil a condition, such as "status=failed".')
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_runs(run_ids: tuple[int, ...], *, where: str | None, yes: bool) -> None:
    """Delete runs: their rows, scores, predictions and models. They are listed first; one that goes on stays.

    The files stay where another leaderboard has the run as well, such as the one that this leaderboard is a copy of.

    \b
    petbench runs delete 7 8
    petbench runs delete --where "status=failed and learning_rate=0.001"
    """
    from petbench.cli.result import print_runs
    from petbench.errors import UsageError
    from petbench.runs.delete import delete_run, goes_on
    from petbench_leaderboard.report.formatting import counted

    if bool(run_ids) == (where is not None):
        raise UsageError("name the runs by their numbers, or give --where; one of the two")
    here = session()
    store = here.leaderboard
    rows = [store.run(number) for number in dict.fromkeys(run_ids)] if where is None else store.runs(where=where)
    going_on = {row.id for row in rows if goes_on(row, here.home, store)}
    if going_on and where is None:
        raise UsageError(f"run {min(going_on)} is going on; stop it with Ctrl-C where it runs, then delete it")
    for number in sorted(going_on):
        click.echo(f"run {number} is going on and stays", err=True)
    rows = [row for row in rows if row.id not in going_on]
    if not rows:
        click.echo(f"no run to delete fulfils --where {where!r}")
        return
    print_runs(rows, here.home)
    if not yes:
        what = "the run with its" if len(rows) == 1 else f"these {counted(len(rows), 'run')} with their"
        click.confirm(f"Delete {what} predictions and model{'' if len(rows) == 1 else 's'}?", abort=True)
    for row in rows:
        kept = delete_run(row.id, here.home, store)
        click.echo(f"run {row.id} is deleted" + (f"; its folder stays: {kept}" if kept else ""))
