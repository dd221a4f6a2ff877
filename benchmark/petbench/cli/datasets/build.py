"""`petbench datasets build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from petbench.cli.options import complete_dataset, complete_task
from petbench.cli.session import session

if TYPE_CHECKING:
    from petbench_datasets.specs import DatasetSpec


@click.command()
@click.argument("name", shell_complete=complete_dataset)
@click.option(
    "--acquisition",
    metavar="HOW",
    help="Choose among the variants of NAME: simultaneous (the whole body at once) or multibed (bed by bed).",
)
@click.option(
    "--reconstruction",
    metavar="HOW",
    help="Choose among the variants of NAME: 2d (slice by slice) or 3d (with oblique segments).",
)
@click.option(
    "--task",
    metavar="NAME",
    shell_complete=complete_task,
    help="Choose among the variants of NAME: the task whose windows are scanned, see `petbench tasks`.",
)
def build(name: str, **options: str | None) -> None:
    """Build the dataset NAME now; otherwise the first run that needs it builds it.

    If it is interrupted, the next build resumes: participants that are finished stay.

    A dataset with another acquisition or reconstruction has its own name and fingerprint, and can be built by its name
    too: fdg-phantom-multibed, fdg-phantom-3d, fdg-phantom-multibed-3d. A 3d dataset takes several times as long as a 2d
    one, and about 3 GB of memory for each participant that is simulated at a time (one for each CPU core).

    Simulated datasets use a CUDA device if it computes the same bits as the CPU, which is tried on a small scan first.
    Set CUDA_VISIBLE_DEVICES to an empty value to use the CPU alone.

    \b
    petbench datasets build fdg-phantom-mini
    petbench datasets build fdg-phantom --acquisition multibed --reconstruction 3d
    petbench datasets build fdg-phantom-60 --task fdg-60-to-120
    CUDA_VISIBLE_DEVICES= petbench datasets build fdg-phantom
    """
    from petbench.cli.console import open_named

    wanted = {option: value for option, value in options.items() if value is not None}
    named, _ = open_named(_variant(name, wanted) if wanted else name)
    click.echo(f"{named.name}: {len(named.dataset.participants)} participants in {named.dataset.root}")
    click.echo(f"fingerprint {named.dataset.fingerprint}")


def _variant(name: str, wanted: dict[str, str]) -> str:
    """Return the name of the registered dataset that is `name` with the wanted options."""
    from petbench.errors import UsageError
    from petbench_datasets.specs import find_variant

    datasets = session().registry.datasets()
    found = find_variant(datasets.values(), name, wanted)
    if found is None:
        asked = ", ".join(f"{option} {value}" for option, value in wanted.items())
        raise UsageError(f"there is no {name} with {asked}; {_choices(datasets, name)}")
    return found


def _choices(datasets: dict[str, DatasetSpec], name: str) -> str:
    """Say which variants a dataset has, or else which datasets have variants."""
    family = datasets[name].family if name in datasets else ""
    members = [spec for spec in datasets.values() if family and spec.family == family]
    if len(members) > 1:
        described = (f"{spec.name} ({', '.join(f'{k} {v}' for k, v in spec.options.items())})" for spec in members)
        return f"its variants: {', '.join(described)}"
    families = [spec.family for spec in datasets.values() if spec.family]
    several = dict.fromkeys(family for family in families if families.count(family) > 1)
    return f"datasets with variants: {', '.join(several) or 'none'}"
