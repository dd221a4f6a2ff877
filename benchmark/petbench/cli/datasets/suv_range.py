"""`petbench datasets suv-range`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.options import complete_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.dataset.suv_range import SuvRange


@click.command(name="suv-range")
@click.argument("dataset", shell_complete=complete_dataset)
@click.option("--split", default="holdout", show_default=True, help="Split of the dataset's participants.")
@click.option("--fold", default=0, show_default=True, help="Fold of the split.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
def suv_range(dataset: str, *, split: str, fold: int, as_json: bool) -> None:
    """Show how high SUV goes in the training and validation images of a fold of DATASET, and where a map of it ends.

    No image of a test participant is read. The end that is shown is the one that `suv_clip=auto`, the default of every
    method trained step by step, chooses when it trains on the fold: 1.25 times the highest SUV, rounded up to a
    multiple of 10.

    \b
    petbench datasets suv-range fdg-phantom-mini
    petbench datasets suv-range ~/my-dataset --split cv5 --fold 2
    """
    from petbench.cli.console import open_named, print_json
    from petbench.intensity import clip_for
    from petbench.plans.planner import choose_fold
    from petbench.terminal import progress_bar
    from petbench_datasets.dataset.given_split import find_split
    from petbench_datasets.dataset.suv_range import QUANTILES, highest, suv_ranges

    named, _ = open_named(dataset)
    chosen = choose_fold(find_split(named.dataset, split), fold)
    with progress_bar() as progress:
        ranges = suv_ranges(named.dataset, chosen, progress)
    top = highest(ranges)
    clip = clip_for(top.maximum)
    if as_json:
        images = [dataclasses.asdict(one) for one in ranges]
        place: dict[str, Any] = {"dataset": named.name, "split": split, "fold": fold}
        print_json(place | {"quantiles": QUANTILES, "images": images, "maximum": top.maximum, "suv_clip": clip})
        return
    _print(ranges, f"{named.name}, split {split}, fold {fold}")
    click.echo(
        f"suv_clip={clip:g}: 1.25 x {top.maximum:.1f}, the {top.window} image of {top.participant}, rounded up to a "
        "multiple of 10"
    )


def _print(ranges: Sequence[SuvRange], title: str) -> None:
    import numpy as np
    from rich import box
    from rich.table import Table

    from petbench.cli.console import standard_output
    from petbench_datasets.dataset.suv_range import QUANTILES

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{title}: SUV", title_justify="left")
    table.add_column("part")
    table.add_column("window")
    for heading in ("participants", *(f"{100 * share:g} %" for share in QUANTILES), "maximum", "highest maximum"):
        table.add_column(heading, justify="right")
    for part in ("train", "validation"):
        for window in ("early", "delayed"):
            found = [one for one in ranges if (one.part, one.window) == (part, window)]
            if found:
                middle = np.median([(*one.quantiles, one.maximum) for one in found], axis=0)
                most = max(one.maximum for one in found)
                table.add_row(part, window, str(len(found)), *(f"{value:.2f}" for value in middle), f"{most:.2f}")
    standard_output().print(table)
    click.echo("shares of the voxels above SUV 0.1, and maximum: of the median participant")
