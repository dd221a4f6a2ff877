"""Gather the images that the report shows: each test participant with every method's prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.runs.lookup import find_folder
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.report.images import ParticipantImages, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.store import Leaderboard


def participant_images(boards: Sequence[Board], home: Home, leaderboard: Leaderboard) -> Iterator[ParticipantImages]:
    """Yield the images of every participant that the boards predict, one at a time.

    Methods are in the order of the board; of a row with several seeds the first is shown. A run whose folder is
    elsewhere, as after a merge, is left out: its numbers stay in the table.
    """
    for board in boards:
        plans = _plans(board, home, leaderboard)
        dataset = _dataset(board, [plan for _, plan in plans.values()])
        if dataset is None:
            continue
        for participant in board.participants:
            predictions = _predictions(plans, participant)
            if predictions:
                pair = dataset.pair(participant)
                yield ParticipantImages(
                    participant=participant,
                    spacing_millimetres=pair.grid.spacing_millimetres,
                    early=pair.early,
                    delayed=pair.delayed,
                    predictions={
                        label: volume for label, volume in predictions.items() if volume.shape == pair.early.shape
                    },
                    dataset=board.dataset,
                )


def _plans(board: Board, home: Home, leaderboard: Leaderboard) -> dict[int, tuple[RunFolder, RunPlan]]:
    """Return folder and plan of every run of the board that is here, in the board's order, variants last.

    Of several rows of one name only the first is drawn: it is the one that competes.
    """
    found: dict[int, tuple[RunFolder, RunPlan]] = {}
    for row in sorted(board.rows, key=lambda row: row.role == "competitor" and not row.competes):
        for run_id in row.run_ids:
            try:
                folder = find_folder(leaderboard.run(run_id), home)
                found[run_id] = (folder, folder.plan())
            except (PetbenchError, OSError):
                continue
    return found


def _dataset(board: Board, plans: Sequence[RunPlan]) -> Dataset | None:
    """Return the dataset that the board's runs were made with, where it is still here and unchanged."""
    for folder in dict.fromkeys(Path(plan.dataset_folder) for plan in plans):
        try:
            dataset = open_dataset(folder)
        except PetbenchError:
            continue
        if dataset.fingerprint == board.fingerprint:
            return dataset
    return None


def _predictions(plans: dict[int, tuple[RunFolder, RunPlan]], participant: str) -> dict[str, Volume]:
    """Return each method's prediction of a participant by the label to show."""
    predictions: dict[str, Volume] = {}
    for folder, plan in plans.values():
        path = folder.prediction(participant)
        label = shown_name(plan.method, plan.preset)
        if label not in predictions and path.is_file():
            predictions[label] = read_image(path)[0]
    return predictions
