"""Gather the images that the report shows: each test participant with every method's prediction.

A damaged file costs its own picture and no other: it is named and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, one_line
from petbench.runs.lookup import find_folder, has_folder
from petbench.runs.planned import open_again
from petbench_datasets.bids.names import person_of
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.report.images import ParticipantImages, shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.store import Leaderboard


def participant_images(
    boards: Sequence[Board], home: Home, leaderboard: Leaderboard, left_out: Callable[[str], object]
) -> Iterator[ParticipantImages]:
    """Yield the images of every participant that the boards predict, one at a time.

    Methods are in the order of the board; of a row with several seeds the first is shown. A run whose folder is
    elsewhere, as after a merge, is left out: its numbers stay in the table.

    Args:
        boards: whose participants.
        home: where the runs' folders are.
        leaderboard: where their rows are.
        left_out: is told, in one line, of each file that cannot be read.
    """
    for board in boards:
        plans = _plans(board, home, leaderboard, left_out)
        dataset = _dataset(board, [plan for _, plan in plans.values()])
        if dataset is None:
            continue
        for participant in board.participants:
            # Of a person with several sessions the first is shown.
            name = next((one for one in dataset.participants if person_of(one) == participant), participant)
            try:
                pair = dataset.pair(name)
            except (PetbenchError, OSError) as error:
                left_out(one_line(error))
                continue
            predictions = _predictions(plans, name, pair.early.shape, left_out)
            if predictions:
                yield ParticipantImages(
                    participant=participant,
                    spacing_millimetres=pair.grid.spacing_millimetres,
                    early=pair.early,
                    delayed=pair.delayed,
                    predictions=predictions,
                    dataset=board.dataset,
                )


def _plans(
    board: Board, home: Home, leaderboard: Leaderboard, left_out: Callable[[str], object]
) -> dict[int, tuple[RunFolder, RunPlan]]:
    """Return folder and plan of every run of the board that is here, in the board's order, variants last.

    Of several rows of one name only the first is drawn: it is the one that competes.
    """
    found: dict[int, tuple[RunFolder, RunPlan]] = {}
    for row in sorted(board.rows, key=lambda row: row.role == "competitor" and not row.competes):
        for run_id in row.run_ids:
            run = leaderboard.run(run_id)
            try:
                folder = find_folder(run, home)
                found[run_id] = (folder, folder.plan())
            except (PetbenchError, OSError) as error:
                if has_folder(run, home):  # else it is elsewhere
                    left_out(one_line(error))
    return found


def _dataset(board: Board, plans: Sequence[RunPlan]) -> Dataset | None:
    """Return the dataset that the board's runs were made with, where it is still here and unchanged."""
    places = {(plan.dataset_folder, plan.reconstruction, plan.task): plan for plan in plans}
    for plan in places.values():
        try:
            dataset = open_again(plan)
        except PetbenchError:
            continue
        if dataset.fingerprint == board.fingerprint:
            return dataset
    return None


def _predictions(
    plans: dict[int, tuple[RunFolder, RunPlan]],
    participant: str,
    shape: tuple[int, ...],
    left_out: Callable[[str], object],
) -> dict[str, Volume]:
    """Return each method's prediction of a participant by the label to show."""
    predictions: dict[str, Volume] = {}
    for folder, plan in plans.values():
        path = folder.prediction(participant)
        label = shown_name(plan.method, plan.preset)
        if label not in predictions and participant in plan.test_participants:
            try:
                volume = read_image(path)[0]
            except (PetbenchError, OSError) as error:
                left_out(one_line(error))
                continue
            if volume.shape == shape:
                predictions[label] = volume
            else:
                left_out(f"{path}: its {volume.shape} voxels are not the {shape} of the real images")
    return predictions
