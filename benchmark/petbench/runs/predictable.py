"""The reference row `predictable`: what can be predicted of a simulated participant at all.

Everything is as it was but the organs' levels: the true anatomy and texture of the delayed frame, blurred as the
scanner blurs, with each organ brought to the level that a regression on the training participants predicts from its
early level. Nothing of it comes from the delayed image of a test participant: that is not opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.runs import reference_rows
from petbench.runs.organ_levels import fit_levels, mean_levels, predicted_levels
from petbench.runs.organ_regions import organ_regions
from petbench.runs.scanner_blur import best_width, blur_errors, blurred
from petbench_datasets.bids.scan import scan_of
from petbench_datasets.dataset.derivatives import TRUTH_ENDING, find_derivative
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.runs.organ_levels import LevelModel, Levels
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_datasets.images.grid import Volume


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one training participant teaches.

    Attributes:
        levels: of its organs.
        blur_errors: how far its blurred truth is from its delayed image, one a width of the blur.
    """

    levels: Levels
    blur_errors: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the training participants teach together.

    Attributes:
        models: of the organs' levels.
        blur_millimetres: full width at half maximum of the scanner's blur.
    """

    models: dict[str, LevelModel]
    blur_millimetres: float


def write_predictable(dataset: Dataset, fold: Fold, folder: Path) -> None:
    """Write what can be predicted of each test participant as a prediction in SUV.

    Raises:
        DataError: a training or test participant has no truth or no organ labels.
    """
    learnt = learn([lesson(dataset, participant) for participant in fold.train])
    for participant in fold.test:
        predicted = predictable_image(dataset, participant, learnt)
        write_image(folder / f"{participant}.nii.gz", predicted, dataset.grid(participant))


def lesson(dataset: Dataset, participant: str) -> Lesson:
    """Return what a training participant teaches.

    Raises:
        DataError: it has no truth or no organ labels.
    """
    truth = true_activity(dataset, participant)
    delayed, grid = dataset.delayed(participant)
    return Lesson(organ_levels(dataset, participant), blur_errors(truth, delayed, grid.spacing_millimetres))


def learn(lessons: Sequence[Lesson]) -> Learnt:
    """Return what several participants teach together."""
    return Learnt(fit_levels([each.levels for each in lessons]), best_width(each.blur_errors for each in lessons))


def predictable_image(dataset: Dataset, participant: str, learnt: Learnt, *, true_levels: bool = False) -> Volume:
    """Return what can be predicted of a participant, SUV, shape (z, y, x); its delayed image is not read.

    Args:
        dataset: with truth and organ labels.
        participant: who is predicted.
        learnt: from other participants.
        true_levels: leave the organs at their true levels: what the blur alone leaves to be desired.

    Raises:
        DataError: the participant has no truth or no organ labels.
    """
    activity = true_activity(dataset, participant)
    if not true_levels:
        regions, names = _regions(dataset, participant, activity)
        levels = _levels(dataset, participant, activity, regions, names)
        predicted = predicted_levels(levels, learnt.models)
        factors = [
            predicted[name] / levels[name][1] if name in predicted and levels[name][1] > 0.0 else 1.0 for name in names
        ]
        activity = activity * np.asarray(factors, dtype=np.float32)[regions]
    return blurred(activity, learnt.blur_millimetres, dataset.grid(participant).spacing_millimetres)


def organ_levels(dataset: Dataset, participant: str) -> Levels:
    """Return a participant's mean SUV in each organ: early as measured, delayed as it truly was.

    Both are taken where the organ is at the delayed frame. What carries activity outside all labels is the rest of
    the body.

    Raises:
        DataError: the participant has no truth or no organ labels.
    """
    activity = true_activity(dataset, participant)
    return _levels(dataset, participant, activity, *_regions(dataset, participant, activity))


def true_activity(dataset: Dataset, participant: str) -> Volume:
    """Return what was in a participant's body at the delayed frame, without blur or noise, SUV, shape (z, y, x).

    Raises:
        DataError: nobody knows it.
    """
    path = find_derivative(dataset.root, participant, TRUTH_ENDING)
    if path is None:
        raise DataError(
            f"{dataset.root}: no truth of {participant} (*_{TRUTH_ENDING}.nii.gz): {reference_rows.PREDICTABLE} is made"
            " from what was in the body, which is known of simulated participants alone; without it there are gains "
            "over identity, and no normalized scores"
        )
    return scan_of(path, dataset.root, dict(dataset.table), dataset.task).suv()


def _regions(dataset: Dataset, participant: str, activity: Volume) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    return organ_regions(dataset, participant, activity > 0.0, reference_rows.PREDICTABLE)


def _levels(
    dataset: Dataset, participant: str, activity: Volume, regions: NDArray[np.intp], names: tuple[str, ...]
) -> Levels:
    early, _ = dataset.early(participant)
    return mean_levels(early.ravel().astype(np.float64), activity.ravel().astype(np.float64), regions, names)
