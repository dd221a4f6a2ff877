"""`petbench submit`: runs in one file that the organizer of a leaderboard can check."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.session import session
from petbench_leaderboard.report.formatting import counted


@click.command()
@click.argument("run_ids", nargs=-1, required=True, type=int, metavar="RUN...")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; ends in .petbench.zip.",
)
@click.option("--weights", is_flag=True, help="Put the trained weights in as well.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def submit(*, run_ids: tuple[int, ...], output: Path, weights: bool, force: bool) -> None:
    """Put RUNs into one file: predictions, scores, plan, parameters, packages, log, and a manifest of hashes.

    The organizer of a leaderboard checks it with `petbench verify`, without installing or executing anything of yours.

    \b
    petbench submit 12 13 14 -o my-unet.petbench.zip
    """
    from petbench.submissions.write import write_submission

    home = session().home
    manifest = write_submission(
        run_ids, output, home=home, leaderboard=session().leaderboard, weights=weights, force=force
    )
    size = output.stat().st_size
    runs, files = counted(len(manifest["runs"]), "run"), counted(len(manifest["files"]), "file")
    click.echo(f"{output}: {runs}, {files}, {size / 1e6:.3g} MB")
