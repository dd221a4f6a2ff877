"""Write the predictions of participants of a fold, those who test or those who validate, and keep their digests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError
from petbench.evaluation.reader import voxel_digest
from petbench_datasets.files import write_json
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset


@dataclass(frozen=True, slots=True)
class Written:
    """What a run has written: `voxel_digest` of each participant's prediction, taken before its file was there.

    Attributes:
        predictions: of the test participants.
        validation: of the validation participants.
    """

    predictions: dict[str, str]
    validation: dict[str, str]

    @classmethod
    def load(cls, folder: RunFolder) -> Written | None:
        """Return what the run in a folder has written; None where it noted nothing, or nothing readable."""
        try:
            facts = json.loads(_file(folder).read_text(encoding="utf-8"))
            return cls(dict(facts["predictions"]), dict(facts["validation"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, folder: RunFolder) -> None:
        """Note it in the run's folder, once all of it is there."""
        write_json(_file(folder), {"predictions": self.predictions, "validation": self.validation})

    @staticmethod
    def forget(folder: RunFolder) -> None:
        """Forget it before predictions are written anew."""
        _file(folder).unlink(missing_ok=True)


def write_predictions(
    predicted: Iterable[tuple[str, Volume, float]], name: str, dataset: Dataset, folder: Path, into: dict[str, str]
) -> float:
    """Write each prediction, in SUV, note its digest, and return the mean seconds that one took.

    Args:
        predicted: participant, volume in SUV of shape (z, y, x), and the seconds that it took; at least one.
        name: of the method, for messages.
        dataset: where their early images are.
        folder: to write `<participant>.nii.gz` into.
        into: where the digests go.

    Raises:
        PluginError: a prediction has another shape, or voxels that are not finite.
    """
    spent = []
    for participant, volume, seconds in predicted:
        spent.append(seconds)
        grid = dataset.grid(participant)
        if volume.shape != grid.shape:
            raise PluginError(f"{name} predicted {volume.shape} voxels for {participant}, not {grid.shape}")
        if not np.isfinite(volume).all():
            raise PluginError(f"{name} predicted NaN or infinite voxels for {participant}; nothing was scored")
        into[participant] = voxel_digest(volume)
        write_image(folder / f"{participant}.nii.gz", volume, grid)
    return sum(spent) / len(spent)


def _file(folder: RunFolder) -> Path:
    return folder.path / "digests.json"
