"""Gather the images that the report shows: each test participant with every method's prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.plans.run_plan import RunPlan
from petbench.runs import predict_scan
from petbench.runs.pipeline import PREDICTIONS
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.report.images import ParticipantImages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.board import Board


def participant_images(boards: Sequence[Board], home: Home) -> Iterator[ParticipantImages]:
    """Yield the images of every participant that the boards predict, one at a time.

    Methods stand in the order of the board; of a row with several seeds the first is shown. A run whose folder is
    elsewhere, as after a merge, is left out: its numbers stay in the table.
    """
    for board in boards:
        plans = _plans(board, home)
        dataset = _dataset(board, [plan for _, plan in plans.values()])
        if dataset is None:
            continue
        for participant in board.participants:
            predicted = _predictions(plans, participant)
            if predicted:
                pair = dataset.pair(participant)
                yield ParticipantImages(
                    participant=participant,
                    spacing_millimetres=pair.grid.spacing_millimetres,
                    early=pair.early,
                    delayed=pair.delayed,
                    predictions={
                        label: volume for label, volume in predicted.items() if volume.shape == pair.early.shape
                    },
                    dataset=board.dataset,
                )


def _plans(board: Board, home: Home) -> dict[int, tuple[Path, RunPlan]]:
    """Return folder and plan of every run of the board that is here, in the board's order."""
    found: dict[int, tuple[Path, RunPlan]] = {}
    for row in board.rows:
        for run_id in row.run_ids:
            try:
                folder = predict_scan.run_folder(home, run_id)
                found[run_id] = (folder, RunPlan.load(folder))
            except (PetbenchError, OSError, ValueError):
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


def _predictions(plans: dict[int, tuple[Path, RunPlan]], participant: str) -> dict[str, Volume]:
    """Return each method's prediction of a participant by the label to show."""
    predicted: dict[str, Volume] = {}
    for folder, plan in plans.values():
        path = folder / PREDICTIONS / f"{participant}.nii.gz"
        label = plan.method if plan.preset in ("", "default", "mini") else f"{plan.method} ({plan.preset})"
        if label not in predicted and path.is_file():
            predicted[label] = read_image(path)[0]
    return predicted
