"""`petbench datasets register`."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import task_option
from petbench.cli.session import session


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
@click.option(
    "--participant",
    "participants",
    multiple=True,
    metavar="NAME",
    help="Register this one alone, repeatable; the others are only brought to one grid. Everyone by default.",
)
@task_option
def register(folder: Path, *, out: Path, participants: tuple[str, ...], task: str) -> None:
    """Copy the dataset in FOLDER with the delayed image of each pair laid on the early one, rigidly.

    For participants who left the table between their scans, or moved on it. The delayed image is interpolated once,
    onto the early grid; its sidecar records the transform. Look at the pictures in derivatives/registration: no program
    knows whether a registration is right. Needs SimpleITK: pip install 'petbench[registration]'.

    \b
    petbench datasets register ~/my-dataset --out ~/registered
    petbench datasets register ~/my-dataset --participant sub-P07 --out ~/registered
    """
    from petbench.plans.tasks import task_of_folder
    from petbench.terminal import progress_bar
    from petbench_datasets.exporters.register import register_dataset

    names = [name if name.startswith("sub-") else f"sub-{name}" for name in participants]
    held = task_of_folder(folder, task, session().registry)
    with progress_bar() as progress:
        notes = register_dataset(folder, out, names, progress, held)
    for note in notes:
        click.echo(note)
    click.echo(f"{out}: registered; look at the pictures in {out / 'derivatives' / 'registration'}")
    click.echo(f"next: petbench datasets check {out}, then petbench datasets split {out}")
