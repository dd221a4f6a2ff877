"""`petbench score`: score predictions again, or those of another program."""

from __future__ import annotations

import click


@click.command()
@click.option("--runs", "which", required=True, metavar="all|ID", help="Runs to score again from their predictions.")
def score(*, which: str) -> None:
    """Score stored predictions again, after the weights for FID arrived or under a new protocol."""
    from petbench.cli.console import progress_bar
    from petbench.errors import UsageError
    from petbench.home import Home
    from petbench.runs.rescore import rescore
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    store = Leaderboard.open(home.database)
    if which != "all" and not which.isdigit():
        raise UsageError(f"--runs {which!r} is not understood; write --runs all or --runs ID")
    rows = store.runs(status="ok") if which == "all" else [store.run(int(which))]
    with progress_bar() as progress:
        for row in rows:
            rescore(row, home, store, progress)
    click.echo(f"scored {len(rows)} run{'s' if len(rows) != 1 else ''} again")
