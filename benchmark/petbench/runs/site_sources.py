"""What the site shows that is not in the database: files of run folders, and the participants' images."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from PIL import Image

from petbench.errors import PetbenchError
from petbench.run_events import SHOWN_SUV, side_by_side
from petbench.runs.example_images import newest_example
from petbench.runs.lookup import find_folder_or_none, is_made_here
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.panels import participant_images
from petbench.runs.planned import open_planned_split
from petbench.training.training_log import LOG_NAME
from petbench_datasets.dataset.cohort import describe_cohort
from petbench_leaderboard.report.site.sources import ExamplePicture, RunFiles, read_run_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.store import Leaderboard


class HomeSources:
    """Implements `petbench_leaderboard.report.site.sources.Sources` for a leaderboard over a home."""

    def __init__(self, home: Home, leaderboard: Leaderboard) -> None:
        self._home = home
        self._leaderboard = leaderboard
        self._people: dict[tuple[str, str], Sequence[PartFacts]] = {}
        self.left_out: dict[str, None] = {}
        """What could not be read, one line each."""

    def run_files(self, run: RunRow) -> RunFiles:
        """Read a run's folder; nothing of a run that was merged, whose folder is elsewhere."""
        return files_of(run, self._home) if is_made_here(run) else RunFiles()

    def people(self, board: Board) -> Sequence[PartFacts]:
        """Return who is in the board's cohort, where it is still here as it was."""
        key = board.fingerprint, board.split_digest
        if key not in self._people:
            self._people[key] = people_of(board, self._home, self._leaderboard)
        return self._people[key]

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        """Yield the images of the boards' participants."""
        return participant_images(boards, self._home, self._leaderboard, self.left_out.setdefault)


def people_of(board: Board, home: Home, leaderboard: Leaderboard) -> Sequence[PartFacts]:
    """Return who is in a board's cohort by part of its split; nothing where no run of it leads to the cohort."""
    for row in board.rows:
        for run in map(leaderboard.run, row.run_ids):
            folder = find_folder_or_none(run, home) if is_made_here(run) else None
            if folder is None:
                continue
            with contextlib.suppress(PetbenchError, OSError):
                return describe_cohort(*open_planned_split(folder.plan()))
    return ()


def files_of(run: RunRow, home: Home) -> RunFiles:
    """Read the folder that a run has here, and while its method trains, the one that the method works in."""
    folder = find_folder_or_none(run, home)
    if folder is None:
        return RunFiles()
    job = JobFolder.of(home, folder).training
    losses = next((path for path in (job / LOG_NAME, folder.losses) if path.is_file()), folder.losses)
    example = None if run.status == "ok" else _example(folder, job)
    return read_run_files(folder.log, losses, folder.plan_file, example)


def _example(folder: RunFolder, job: Path) -> ExamplePicture | None:
    """Draw the slice that was predicted last, of a run that goes on or has not ended well."""
    found = newest_example(folder.example, (job, folder.training))
    if found is None:
        return None
    picture = side_by_side(found.early, found.predicted, found.delayed)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return ExamplePicture(
        png=file.getvalue(),
        width=3 * picture.shape[1],
        height=3 * picture.shape[0],
        description=f"One axial slice of a validation participant after {found.images:,} images: early, predicted, "
        f"delayed; black is {SHOWN_SUV:g} SUV and more.",
    )
