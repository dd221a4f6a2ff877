"""Write the predictions of participants of a fold, those who test or those who validate, and keep their digests."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from petbench.errors import PluginError
from petbench.evaluation.reader import voxel_digest
from petbench.evaluation.samples import sample_path, stem
from petbench_datasets.files import write_json
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Grid


@dataclass(frozen=True, slots=True)
class Written:
    """What a run has written: `voxel_digest` of each participant's prediction, taken before its file was there.

    Attributes:
        predictions: of the test participants.
        validation: of the validation participants.
        samples: kept beside the predictions of the test participants, by the name of the file without its ending.
    """

    predictions: dict[str, str] = field(default_factory=dict)
    validation: dict[str, str] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)

    @property
    def of_test(self) -> dict[str, str]:
        """Of the test participants, by the name of each file without its ending."""
        return {**self.predictions, **self.samples}

    @classmethod
    def load(cls, folder: RunFolder) -> Written | None:
        """Return what the run in a folder has written; None where it noted nothing, or nothing readable."""
        try:
            facts = json.loads(_file(folder).read_text(encoding="utf-8"))
            return cls(dict(facts["predictions"]), dict(facts["validation"]), dict(facts.get("samples", {})))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, folder: RunFolder) -> None:
        """Note it in the run's folder, once all of it is there."""
        write_json(_file(folder), dataclasses.asdict(self))

    def has(self, plan: RunPlan) -> bool:
        """Return whether all is there that a plan wants of its test participants."""
        wanted = plan.keep_samples * len(plan.test_participants)
        return not plan.tests or (bool(self.predictions) and len(self.samples) >= wanted)

    @staticmethod
    def forget(folder: RunFolder) -> None:
        """Forget it before predictions are written anew."""
        _file(folder).unlink(missing_ok=True)


class Predicted(NamedTuple):
    """What a method made of one participant's scan.

    Attributes:
        participant: whose it is.
        volume: in SUV, shape (z, y, x).
        seconds: that it took, with all samples and steps.
        samples: those that are kept, likewise; read one after the other.
    """

    participant: str
    volume: Volume
    seconds: float
    samples: Iterable[Volume] = ()


def write_predictions(
    predicted: Iterable[Predicted],
    name: str,
    dataset: Dataset,
    folder: Path,
    into: dict[str, str],
    samples: dict[str, str] | None = None,
) -> float:
    """Write each prediction, in SUV, note its digest, and return the mean seconds that one took.

    Args:
        predicted: at least one.
        name: of the method, for messages.
        dataset: where their early images are.
        folder: to write `<participant>.nii.gz` into; samples that an earlier part of the run kept there are removed.
        into: where the digests go.
        samples: where those of samples go.

    Raises:
        PluginError: a prediction has another shape, or voxels that are not finite.
    """
    for stale in folder.glob("*_sample-*"):
        stale.unlink()
    spent = []
    for participant, volume, seconds, drawn in predicted:
        spent.append(seconds)
        grid = dataset.grid(participant)
        into[participant] = _write(volume, name, participant, grid, folder / f"{participant}.nii.gz")
        for number, sample in enumerate(drawn, start=1):
            path = sample_path(folder, participant, number)
            digest = _write(sample, name, f"sample {number} of {participant}", grid, path)
            if samples is not None:
                samples[stem(path)] = digest
    return sum(spent) / len(spent)


def _write(volume: Volume, name: str, what: str, grid: Grid, path: Path) -> str:
    """Write a volume and return its digest, taken before the file was there."""
    if volume.shape != grid.shape:
        raise PluginError(f"{name} predicted {volume.shape} voxels for {what}, not {grid.shape}")
    if not np.isfinite(volume).all():
        raise PluginError(f"{name} predicted NaN or infinite voxels for {what}; nothing was scored")
    digest = voxel_digest(volume)
    write_image(path, volume, grid)
    return digest


def _file(folder: RunFolder) -> Path:
    return folder.path / "digests.json"
