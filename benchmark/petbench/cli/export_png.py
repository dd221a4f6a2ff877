"""`petbench export-png`: the slices that FID is computed from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export-png")
@click.argument("run_id", type=int, metavar="RUN")
@click.option("--output", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
def export_png(*, run_id: int, output: Path) -> None:
    """Write the real and the predicted 8-bit slices of RUN, from which pytorch-fid itself computes its FID."""
    from petbench.evaluation.export import export_png as write
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs import pipeline, predict_scan
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    row = Leaderboard.open(home.database).run(run_id)
    folder = predict_scan.run_folder(home, row.id)
    plan = RunPlan.load(folder)
    dataset, fold = pipeline.open_planned(plan)
    written = write(dataset, fold.test, folder / pipeline.PREDICTIONS, output)
    click.echo(f"{written.count} slices each in {output / 'real'} and {output / 'predicted'}")
    click.echo(f"FID: {written.command}")
