"""Read predictions from disk and refuse, by name, what cannot be scored."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Protocol

import numpy as np

from petbench.evaluation.protocol import PLAUSIBLE_BODY_MEAN_SUV
from petbench.evaluation.samples import participant_of_sample
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import StoredImage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Mask
    from petbench_datasets.images.grid import Grid

_SUFFIXES = (".nii.gz", ".nii")
_SUV_UNITS = frozenset({"SUV", "SUVbw", "g/mL", "g/ml"})


class Known(Protocol):
    """What a prediction's file names are checked against."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def participants(self) -> tuple[str, ...]:
        """Everyone in it."""


def find_predictions(folder: Path, participants: Sequence[str], dataset: Known) -> dict[str, Path]:
    """Return the file of each of `participants` in `folder`: `<participant>.nii.gz` or `.nii`.

    Predictions of the dataset's other participants may lie beside them and are left alone, as are samples (`samples`).

    Raises:
        DataError: the folder or a participant's file is missing, a participant has two files, a file is named after
            nobody in the dataset, or a participant is asked for twice.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of predictions; give the folder that holds <participant>.nii.gz")
    twice = sorted({name for name in participants if participants.count(name) > 1})
    if twice:
        raise DataError(f"{twice[0]} is to be scored twice; name each participant once")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((suffix for suffix in _SUFFIXES if path.name.endswith(suffix)), None)
        if suffix is None or path.name.startswith("."):
            continue
        participant = participant_of_sample(path.name) or path.name.removesuffix(suffix)
        if participant not in dataset.participants:
            raise DataError(
                f"{path}: no participant of {dataset.name} is called {participant!r}; rename or remove the file"
            )
        if participant_of_sample(path.name) is not None:
            continue
        if participant in found:
            raise DataError(
                f"{path}: a second prediction of {participant} beside {found[participant].name}; remove one"
            )
        found[participant] = path
    missing = [name for name in participants if name not in found]
    if missing:
        raise DataError(
            f"{folder}: no prediction of {', '.join(missing)} ({len(participants) - len(missing)}/{len(participants)} "
            f"are there); add {missing[0]}.nii.gz"
        )
    return {name: found[name] for name in participants}


def read_prediction(path: Path, grid: Grid, body: Mask) -> NDArray[np.float32]:
    """Return the prediction at `path` in SUV, float32, shape (z, y, x).

    Args:
        path: a NIfTI file.
        grid: the grid of the participant's real images, on which the prediction must lie.
        body: where the body is, shape (z, y, x).

    Raises:
        DataError: not a readable 3-D image, another grid, NaN, infinite or negative values, or not in SUV.
    """
    _check_unit(path)
    stored = StoredImage(path)  # its header is looked at before a voxel is read: it may announce any number of them
    if stored.dynamic:
        raise DataError(f"{path}: has 4 dimensions; a prediction is one 3-D volume in SUV")
    found = stored.grid
    if not found.matches(grid):
        raise DataError(f"{path}: its grid ({found}) is not that of the real image ({grid}); resample it to that grid")
    values = stored.frame(0)
    stored.close()
    for what, count in (
        ("NaN", int(np.isnan(values).sum())),
        ("infinite", int(np.isinf(values).sum())),
        ("negative", int((values < 0).sum())),
    ):
        if count:
            raise DataError(
                f"{path}: {count} {what} voxel{'s' if count > 1 else ''}; a prediction is finite SUV of at least 0"
            )
    mean = float(values[body].mean(dtype=np.float64))
    if mean > PLAUSIBLE_BODY_MEAN_SUV:
        raise DataError(f"{path}: its mean in the body is {mean:.3g}, which is no SUV (about 1); convert Bq/mL to SUV")
    return np.asarray(values, dtype=np.float32)


def check_distinct(volumes: Mapping[str, str]) -> None:
    """Refuse two participants whose predictions hold the same voxels.

    Args:
        volumes: participant to `content_digest` of the prediction.

    Raises:
        DataError: naming the two.
    """
    seen: dict[str, str] = {}
    for participant, digest in volumes.items():
        if digest and digest in seen:
            raise DataError(
                f"the predictions of {seen[digest]} and {participant} hold the same voxels: one was stored twice; "
                f"predict {participant} again"
            )
        seen[digest] = participant


def content_digest(volume: NDArray[np.float32]) -> str:
    """Return a SHA-256 of the voxels; empty for a constant volume, which two failed predictions may well share."""
    return "" if float(volume.min()) == float(volume.max()) else voxel_digest(volume)


def voxel_digest(volume: NDArray[np.float32]) -> str:
    """Return a SHA-256 of the voxels, in the order z, y, x."""
    return hashlib.sha256(np.ascontiguousarray(volume, dtype="<f4").data).hexdigest()


def check_unchanged(path: Path, volume: NDArray[np.float32], digest: str | None) -> None:
    """Refuse a prediction that is not the one that was written.

    Args:
        path: where it was read.
        volume: what was read there.
        digest: `voxel_digest` of what was written; None where nobody took one.

    Raises:
        DataError: it is another one.
    """
    if digest is not None and voxel_digest(volume) != digest:
        raise DataError(f"{path}: is not the prediction that the run wrote there; run the method again with --force")


def _check_unit(path: Path) -> None:
    """Refuse a prediction whose sidecar says a unit other than SUV; without a sidecar SUV is taken for granted."""
    sidecar = path.parent / (path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    if not sidecar.is_file():
        return
    try:
        content = json.loads(sidecar.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{sidecar}: not readable as JSON ({error}); correct or remove it") from error
    unit = content.get("Units") if isinstance(content, dict) else None
    if unit is not None and unit not in _SUV_UNITS:
        raise DataError(f"{sidecar}: its unit is {unit!r}; predictions are scored in SUV: convert the image")
