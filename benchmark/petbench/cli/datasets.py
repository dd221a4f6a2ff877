"""`petbench datasets`: cohorts by name, and the user's own."""

from __future__ import annotations

import click

from petbench.cli.options import complete_dataset


@click.group()
def datasets() -> None:
    """List, build and look at cohorts."""


@datasets.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def list_datasets(*, as_json: bool) -> None:
    """List the cohorts that petbench can build, and whether they are built."""
    from petbench.cli.console import print_json, standard_output
    from petbench.home import Home
    from petbench.registry import load_plugins

    home = Home.find()
    facts = [
        {
            "name": spec.name,
            "summary": spec.summary,
            "built": (home.cohorts / spec.name).is_dir(),
            "licence": spec.licence,
        }
        for spec in load_plugins().datasets().values()
    ]
    if as_json:
        print_json(facts)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "built", "summary"):
        table.add_column(heading, overflow="fold")
    for fact in facts:
        table.add_row(str(fact["name"]), "yes" if fact["built"] else "no", str(fact["summary"]))
    standard_output().print(table)


@datasets.command("build")
@click.argument("name", shell_complete=complete_dataset)
def build_dataset(name: str) -> None:
    """Build the cohort NAME now, instead of when a run first needs it. Killed, it goes on where it was."""
    from petbench.cli.console import progress_bar
    from petbench.home import Home
    from petbench.registry import load_plugins
    from petbench.runs.cohorts import find_cohort

    home = Home.find()
    with progress_bar() as progress:
        named = find_cohort(name, home, load_plugins(), progress)
    click.echo(f"{named.name}: {len(named.cohort.participants)} participants in {named.cohort.root}")
    click.echo(f"fingerprint {named.cohort.fingerprint}")
