"""`petbench datasets list`."""

from __future__ import annotations

import click

from petbench.cli.session import session


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def list_(*, as_json: bool) -> None:
    """List the datasets that the installed plugins can build, and whether they are built."""
    from rich import box
    from rich.table import Table

    from petbench.cli.console import print_json, standard_output

    home = session().home
    facts = [
        {
            "name": spec.name,
            "built": (home.datasets / spec.name).is_dir(),
            "summary": spec.summary,
            "licence": spec.licence,
        }
        for spec in session().registry.datasets().values()
    ]
    if as_json:
        print_json(facts)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "built", "summary"):
        table.add_column(heading, overflow="fold")
    for fact in facts:
        table.add_row(str(fact["name"]), "yes" if fact["built"] else "no", str(fact["summary"]))
    standard_output().print(table)
