"""`petbench datasets list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.specs import DatasetSpec


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def list_(*, as_json: bool) -> None:
    """List the datasets that the installed plugins can build or fetch, and whether they are built.

    Cohorts of real people are fetched into a folder of yours, which goes by its own name then.
    """
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
            "fetch": _fetched(spec),
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
        built = "fetch" if fact["fetch"] else "yes" if fact["built"] else "no"
        table.add_row(str(fact["name"]), built, str(fact["summary"]))
    standard_output().print(table)


def _fetched(spec: DatasetSpec) -> dict[str, Any] | None:
    """Return how a cohort is fetched, for a script; None for one that is built."""
    found = spec.fetch
    if found is None:
        return None
    names = (
        "host",
        "people",
        "measured",
        "bytes_a_participant",
        "bytes_of_all",
        "terms",
        "terms_url",
        "doi",
        "install",
    )
    return {name: getattr(found, name) for name in names} | {"reconstructions": list(found.reconstructions)}
