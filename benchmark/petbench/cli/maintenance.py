"""`petbench leaderboard backup|check|prune|upgrade`: the care of a leaderboard and of the folders of its runs."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.session import session


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
def backup(file: Path, *, force: bool) -> None:
    """Copy the leaderboard into FILE, as it is at one moment, even while runs go on.

    A copy made by other means may lack all that was stored since the last run ended. Run folders are not copied: they
    are files that do not change once a run has ended, for any program that copies files.

    To restore one, end what uses the leaderboard, put FILE in the place of leaderboard.db, and remove
    leaderboard.db-wal and leaderboard.db-shm, which belong to the old one. On a server:
    petbench leaderboard merge --trusted FILE
    """
    from petbench_leaderboard.backup import back_up
    from petbench_leaderboard.report.formatting import counted

    leaderboard = session().leaderboard
    back_up(leaderboard, file, replace=force)
    click.echo(f"{counted(leaderboard.count(), 'run')} copied to {file}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def check(*, as_json: bool) -> None:
    """Check the leaderboard, and that rows and run folders belong together; nothing is changed.

    Found are damage in the database, rows whose folder is missing or another run's, damaged predictions, and folders
    that no row has. Exits 1 where anything is found.
    """
    from petbench.cli.console import print_json
    from petbench.runs.housekeeping import faults_of_folders, unneeded
    from petbench.terminal import progress_bar
    from petbench_leaderboard.report.formatting import counted
    from petbench_leaderboard.soundness import faults_of

    home, leaderboard = session().home, session().leaderboard
    with progress_bar() as progress:
        faults = [*faults_of(leaderboard), *faults_of_folders(leaderboard, home, progress)]
    faults += [
        f"{each.path}: {each.why}; petbench leaderboard prune removes it" for each in unneeded(leaderboard, home)
    ]
    if as_json:
        print_json({"runs": leaderboard.count(), "faults": faults})
    else:
        for fault in faults:
            click.echo(fault)
        found = counted(len(faults), "fault") if faults else "no fault"
        click.echo(f"{counted(leaderboard.count(), 'run')} checked: {found}", err=True)
    if faults:
        raise SystemExit(1)


@click.command()
@click.option(
    "--also",
    multiple=True,
    metavar="URL",
    help="Another leaderboard whose runs lie in this home: their folders are kept. Repeat it for several.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(*, also: tuple[str, ...], yes: bool) -> None:
    """Remove run folders that no row has, and what processes that were killed have left behind.

    The rows of this leaderboard and of the home's own count. Where others share this home, name each with --also, or
    the folders of their runs are removed. What was changed within the last hour, or is in use, is kept.
    """
    from petbench.runs.housekeeping import prune as remove
    from petbench.runs.housekeeping import unneeded
    from petbench_leaderboard.report.formatting import counted

    found = unneeded(session().leaderboard, session().home, also)
    if not found:
        click.echo("nothing to remove")
        return
    for each in found:
        click.echo(f"{each.path}  {each.size_bytes / 1e6:.1f} MB, {each.why}")
    total = f"{counted(len(found), 'folder')}, {sum(each.size_bytes for each in found) / 1e6:.1f} MB"
    if not yes:
        click.confirm(f"Remove {total}?", abort=True)
    remove(found)
    click.echo(f"removed {total}")


@click.command()
def upgrade() -> None:
    """Bring the leaderboard of an earlier petbench up to date, which any command that stores something does too."""
    leaderboard = session().leaderboard
    was = leaderboard.is_outdated
    leaderboard.make_ready()
    click.echo(f"{leaderboard.name} {'is up to date now' if was else 'was up to date'}")
