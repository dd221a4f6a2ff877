"""`petbench datasets resample`."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import grid_of, task_option
from petbench.cli.session import session


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
@click.option(
    "--to",
    default="early",
    show_default=True,
    metavar="early|delayed|Z,Y,X",
    help="The grid of this image, or a voxel spacing in mm.",
)
@task_option
def resample(folder: Path, *, out: Path, to: str, task: str) -> None:
    """Copy the dataset in FOLDER with both images of each pair on one grid; each sidecar records the resampling.

    What only one image of a pair has measured is cut away from both: it can be neither learnt from nor scored.

    \b
    petbench datasets resample ~/my-dataset --to delayed --out ~/one-grid
    petbench datasets resample ~/my-dataset --to 8,10,10 --out ~/coarse
    """
    from petbench.plans.tasks import task_of_folder
    from petbench.terminal import progress_bar
    from petbench_datasets.exporters.resample import resample_dataset

    held = task_of_folder(folder, task, session().registry)
    with progress_bar() as progress:
        notes = resample_dataset(folder, out, grid_of(to, "--to"), progress, held)
    for note in notes:
        click.echo(f"  note: {note}")
    click.echo(f"{out}: resampled to {to}; next: petbench datasets split {out}")
