"""`petbench datasets build`."""

from __future__ import annotations

from typing import Any

import click

from petbench.cli.options import complete_dataset


@click.command()
@click.argument("name", shell_complete=complete_dataset)
@click.option(
    "--acquisition",
    type=click.Choice(["simultaneous", "multibed"]),
    help="The whole body at once, or bed by bed. Default: as NAME has it.",
)
@click.option(
    "--reconstruction",
    type=click.Choice(["2d", "3d"]),
    help="Slice by slice, or with oblique segments. Default: as NAME has it.",
)
def build(name: str, *, acquisition: str | None, reconstruction: str | None) -> None:
    """Build the dataset NAME now, instead of when a run first needs it.

    Killed, it goes on where it was: a participant is there as a whole or not at all.

    Another acquisition or reconstruction is a dataset of its own, with a name and a fingerprint of its own, and can be
    named at once as well: fdg-phantom-multibed, fdg-phantom-3d, fdg-phantom-multibed-3d. 3d takes several times as
    long as 2d, and about 3 GB of memory for each participant that is built at a time, one a processor.

    Simulated datasets are projected and reconstructed on a CUDA device where there is one that proves, on a small scan,
    to compute the same bits as the processor; `CUDA_VISIBLE_DEVICES=` before the command keeps it out.

    \b
    petbench datasets build fdg-phantom
    petbench datasets build fdg-phantom --acquisition multibed --reconstruction 3d
    """
    from petbench.cli.console import open_named

    named, _ = open_named(_variant(name, acquisition, reconstruction))
    click.echo(f"{named.name}: {len(named.dataset.participants)} participants in {named.dataset.root}")
    click.echo(f"fingerprint {named.dataset.fingerprint}")


def _variant(name: str, acquisition: Any, reconstruction: Any) -> str:
    """Return the name of the dataset that is `name` with other settings."""
    if acquisition is None and reconstruction is None:
        return name
    from petbench.errors import UsageError
    from petbench_phantom.spec import PROFILES, profile_name

    found = profile_name(name, acquisition, reconstruction)
    if found is None:
        variants = ", ".join(spec.name for spec in PROFILES.values() if profile_name(spec.name, "multibed", "3d"))
        raise UsageError(f"{name} cannot be had with another acquisition or reconstruction; these can: {variants}")
    return found
