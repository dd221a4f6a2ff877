"""`petbench export-png`: the slices that FID is computed from."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.session import session


@click.command("export-png")
@click.argument("run_id", type=int, metavar="RUN")
@click.option("--output", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
def export_png(*, run_id: int, output: Path) -> None:
    """Write the real and the predicted 8-bit slices of RUN, from which pytorch-fid itself computes its FID."""
    from petbench.evaluation.export import export_png as write
    from petbench.runs import pipeline
    from petbench.runs.lookup import find_folder

    home = session().home
    row = session().leaderboard.run(run_id)
    folder = find_folder(row, home)
    dataset, fold = pipeline.open_planned(folder.plan())
    written = write(dataset, fold.test, folder.predictions, output)
    click.echo(f"{written.count} slices each in {output / 'real'} and {output / 'predicted'}")
    click.echo(f"FID: {written.command}")
