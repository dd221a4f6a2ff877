"""Laying the delayed image of each pair on the early one, only when asked, recorded and drawn: `register_dataset`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.names import pair_folder, person_of
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.one_grid import Placement, write_on_one_grid
from petbench_datasets.exporters.registration_picture import registration_picture
from petbench_datasets.files import write_text
from petbench_datasets.images.field_of_view import filled
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.registration import BODY_SUV, Rigid, rigid_registration
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.dataset.pair_frames import PairFrames
    from petbench_datasets.tasks.task import Task

FOLDER = "derivatives/registration"
"""Where pictures and transforms are written, below the dataset."""

LEAST_VOXELS = 0.5
"""A smaller movement, in voxels, cannot be told from none: the image is then left as it is."""


def register_dataset(
    root: Path, folder: Path, only: Collection[str] = (), progress: Progress = silent, task: Task | None = None
) -> tuple[str, ...]:
    """Write the dataset at `root` anew to `folder`, the delayed image of each pair laid on the early one.

    The early image stays as it is; the delayed one is moved rigidly and carried to the early grid by one interpolation.
    What one of them did not measure is cut away from both. The sidecar of the delayed image holds the transform, and
    `derivatives/registration` a picture of each pair before and after, and the transform as ITK reads it.

    Args:
        root: the dataset; it stays as it is.
        folder: must not exist.
        only: participants to register, `sub-01` and so on; everyone if empty. The others' pairs are only brought to one
            grid.
        progress: called after each participant.
        task: as for `open_dataset`; the new dataset has it.

    Returns:
        How far each delayed image was moved, and what was cut away, one line each.

    Raises:
        DataError: SimpleITK is not installed, a participant that is not there or cannot be used, a registration that
            cannot be right, or `folder` exists.
    """
    missing = sorted(name for name in only if not pair_folder(root, name).is_dir())
    if missing:
        raise DataError(f"{root}: has no participant {missing[0]!r}; name participants as its folders are called")

    def place(pair: PairFrames, new: Path) -> Placement:
        if only and not {pair.participant, person_of(pair.participant)} & set(only):
            return Placement(pair.early.grid)
        return _registered(pair, new / FOLDER / pair.participant, str(pair_folder(root, pair.participant)))

    return write_on_one_grid(root, folder, place, "registering the dataset", progress, task)


def _registered(pair: PairFrames, folder: Path, subject: str) -> Placement:
    early, delayed = (
        list({use.scan.path: use.scan for use in window.uses}.values()) for window in (pair.early, pair.delayed)
    )
    name = pair.participant
    if {scan.path for scan in early} & {scan.path for scan in delayed}:
        return Placement(
            pair.early.grid, notes=(f"{name}: one file holds both images; they lie as they were measured",)
        )
    if not all(scan.grid.matches(first.grid) for first, *others in (early, delayed) for scan in others):
        raise DataError(f"{subject}: the files of one of its images lie on two grids; resample the dataset first")
    images = pair.early.image(), pair.delayed.image()
    found = rigid_registration(images[0], pair.early.grid, images[1], pair.delayed.grid, subject)
    moved = _body_moved_millimetres(found, np.where(images[1] > BODY_SUV, images[1], 0.0), pair.delayed.grid)
    stays = moved < LEAST_VOXELS * min(pair.early.grid.spacing_millimetres)
    matrix = np.eye(4) if stays else found.matrix
    place = Grid(pair.delayed.grid.shape, matrix @ pair.delayed.grid.affine)
    picture = folder / f"{name}_registration.png"
    registration_picture(picture, name, images, pair.early.grid, (pair.delayed.grid, place), found.similarity)
    write_text(folder / f"{name}_from-delayed_to-early_xfm.tfm", _as_itk(matrix))
    text = (
        f"{name}: no movement of half a voxel or more was found, and the delayed image is left where it is"
        if stays
        else f"{name}: the body was moved by up to {moved:.1f} mm (turned by {found.rotation_degrees:.1f} degrees)"
    )
    fields = _record(found, matrix, moved) | {"FrameOfReference": early[0].frame_of_reference or "n/a"}
    return Placement(
        pair.early.grid,
        moved={scan.path: place for scan in delayed},
        fields={scan.path: fields for scan in delayed},
        notes=(f"{text}; look at {FOLDER}/{name}/{picture.name}",),
    )


def _body_moved_millimetres(found: Rigid, body: NDArray[Any], grid: Grid) -> float:
    """Return the longest way of a corner of the box around the body."""
    corners = np.hstack([filled(body, grid).corners_millimetres(), np.ones((8, 1))])
    ways = corners @ found.matrix.T - corners
    return float(np.linalg.norm(ways[:, :3], axis=1).max())


def _record(found: Rigid, matrix: NDArray[np.float64], moved: float) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "Registration": {
            "Method": f"rigid, Mattes mutual information, SimpleITK {version('SimpleITK')}",
            "To": "the participant's early image",
            "MatrixRAS": [[round(float(value), 6) for value in row] for row in matrix],
            "MovedMillimetres": round(moved, 2),
            "RotationDegrees": round(found.rotation_degrees, 3),
            "MutualInformationBeforeAndAfter": [round(value, 4) for value in found.similarity],
        }
    }


def _as_itk(matrix: NDArray[np.float64]) -> str:
    """Return a transform as ITK reads it: it takes points of the early image, in (left, posterior, superior), back."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    inverse = flip @ np.linalg.inv(matrix) @ flip
    values = itertools.chain(inverse[:3, :3].ravel(), inverse[:3, 3])
    numbers = " ".join(f"{float(value):.12g}" for value in values)
    return (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
