"""`petbench datasets build`."""

from __future__ import annotations

import click

from petbench.cli.options import complete_dataset


@click.command()
@click.argument("name", shell_complete=complete_dataset)
def build(name: str) -> None:
    """Build the cohort NAME now, instead of when a run first needs it.

    Killed, it goes on where it was: a participant is there as a whole or not at all.
    """
    from petbench.cli.console import open_named

    named, _ = open_named(name)
    click.echo(f"{named.name}: {len(named.cohort.participants)} participants in {named.cohort.root}")
    click.echo(f"fingerprint {named.cohort.fingerprint}")
