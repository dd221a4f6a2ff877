"""Write the 8-bit slices from which anyone reproduces the distribution metrics with pytorch-fid itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.reader import find_predictions, read_prediction
from petbench.evaluation.slices import body_slices, write_png_folder
from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench.evaluation.dataset import ScoredDataset

REAL, PREDICTED = "real", "predicted"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        folder: with `real` and `predicted` in it.
        count: slices in each of the two.
        command: what computes FID from them.
    """

    folder: Path
    count: int
    command: str


def export_png(dataset: ScoredDataset, participants: Sequence[str], predictions: Path, folder: Path) -> Exported:
    """Write the real and the predicted slices of `participants` as PNG files, the very ones that are scored.

    Args:
        dataset: where the real images come from.
        participants: whose slices are written.
        predictions: the folder with `<participant>.nii.gz`.
        folder: a new folder; it gets `real/` and `predicted/`, or nothing at all.

    Raises:
        DataError: the folder is there already, or a prediction cannot be scored.
    """
    if folder.exists():
        raise DataError(f"{folder}: already there; name a new folder for the slices")
    real, predicted = {}, {}
    for participant, path in find_predictions(predictions, participants, dataset).items():
        pair, body = dataset.pair(participant), dataset.body_mask(participant)
        real[participant] = body_slices(pair.delayed, body)
        predicted[participant] = body_slices(read_prediction(path, pair.grid, body), body)
    with atomic_folder(folder) as temporary:
        count = write_png_folder(temporary / REAL, real)
        write_png_folder(temporary / PREDICTED, predicted)
    return Exported(folder, count, f"python -m pytorch_fid {folder / REAL} {folder / PREDICTED}")
