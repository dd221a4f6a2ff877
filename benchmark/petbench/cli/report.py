"""`petbench report`: the leaderboard as a page to open, send or publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench_datasets.progress import Progress
    from petbench_leaderboard.report.images import PatientImages


@click.command()
@click.option("--output", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder.")
@click.option("--dataset", "-d", help="Only this cohort.")
@click.option("--split", help="Only this split.")
def report(*, output: Path, dataset: str | None, split: str | None) -> None:
    """Write a page with the leaderboard and, for each test participant, the images side by side.

    The page works from a double-click: no server, no network. Early image, every method's drawing, the real delayed
    image and the absolute errors stand on one SUV scale, as coronal maximum projections and an axial slice.
    """
    from petbench.cli.console import progress_bar
    from petbench.home import Home
    from petbench.runs.panels import patient_images
    from petbench_leaderboard.ranking import rank
    from petbench_leaderboard.report.page import write_report
    from petbench_leaderboard.store import Leaderboard

    home = Home.find()
    store = Leaderboard.open(home.database)
    boards = rank(store, dataset=dataset, split=split)
    with progress_bar() as progress:
        panels = _told(patient_images(boards, home), sum(len(board.participants) for board in boards), progress)
        page = write_report(store, panels, output, dataset=dataset, split=split)
    click.echo(f"open {page}")


def _told(panels: Iterator[PatientImages], total: int, progress: Progress) -> Iterator[PatientImages]:
    """Pass the panels on and say how far they are."""
    for done, images in enumerate(panels):
        progress("drawing patients", done, total)
        yield images
    progress("drawing patients", total, total)
