"""`petbench datasets split`."""

from __future__ import annotations

from typing import Any

import click

from petbench.cli.options import complete_dataset, reconstruction_option


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option("--name", default="holdout", show_default=True, help="Name of the split.")
@click.option("--folds", type=click.IntRange(min=2), help="k folds; every participant is tested once.")
@click.option(
    "--leave-out", metavar="COLUMN", help="One fold for each value of a column of participants.tsv, such as site."
)
@click.option("--test", type=click.IntRange(min=1), help="Hold-out: number of test participants. Default: a sixth.")
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Number of validation participants in each fold. Default: an eighth.",
)
@click.option(
    "--stratify-by", metavar="COLUMN", help="Spread the values of a column evenly over the parts, such as sex."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of the shuffle; the same seed gives the same split on every machine.",
)
@reconstruction_option
@click.option("--force", is_flag=True, help="Replace a split of this name.")
def split(dataset: str, *, name: str, reconstruction: str, force: bool, **how: Any) -> None:
    """Divide the participants of DATASET, a folder of your own, into training, validation and test.

    \b
    petbench datasets split ~/my-dataset                                hold-out
    petbench datasets split ~/my-dataset --name cv5 --folds 5 --stratify-by sex
    petbench datasets split ~/my-dataset --name sites --leave-out site
    """
    from petbench.cli.console import open_named
    from petbench.errors import UsageError
    from petbench_datasets.dataset.folds import make_split
    from petbench_datasets.dataset.split import split_path, write_split

    named, registered = open_named(dataset, reconstruction)
    if registered:
        raise UsageError(f"the splits of {dataset} are part of it and cannot be changed; they are in its folder")
    if split_path(named.dataset.root, name).exists() and not force:
        raise UsageError(f"{named.dataset.root} has a split {name!r} already; give --name, or --force to replace it")
    made = make_split(named.dataset, name, **how)
    path = write_split(named.dataset.root, made)
    for number, fold in enumerate(made.folds):
        parts = "; ".join(f"{part} {' '.join(who) or 'nobody'}" for part, who in fold.parts().items())
        click.echo(f"fold {number}: {parts}")
    click.echo(f"{path}, {made.digest[:12]}")
