"""A scan of another cohort on the grid that a model was trained on: every image of it, and labels by their names."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import DataError
from petbench_datasets.images.grid import Grid, resample, resample_ct, resample_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from petbench.scan import Scan

_LEAST_OF_A_SLICE = 1e-3


def fit_grid(scan: Grid, model: Grid) -> Grid:
    """Return the model's grid laid over a scan: the model's spacing and matrix in the plane, as many slices as needed.

    A network knows the size of a voxel, so the spacing is kept exactly; the centres of both grids coincide.
    """
    depth = scan.shape[0] * scan.spacing_millimetres[0]
    # A depth that is a whole number of slices but for rounding needs no further one.
    slices = max(1, int(np.ceil(depth / model.spacing_millimetres[0] - _LEAST_OF_A_SLICE)))
    shape = (slices, model.shape[1], model.shape[2])
    directions = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    linear = directions * np.asarray(model.spacing_millimetres[::-1])
    centre = scan.affine[:3, :3] @ ((np.asarray(scan.shape[::-1]) - 1) / 2) + scan.affine[:3, 3]
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = centre - linear @ ((np.asarray(shape[::-1]) - 1) / 2)
    return Grid(shape, affine)


def on_model_grid(scan: Scan, grid: Grid, model_grid: Grid, trained_labels: Mapping[int, str]) -> Scan:
    """Return a scan on a model's grid, its labels by the numbers that the model knows.

    Args:
        scan: as a dataset has it; may be changed.
        grid: of its images.
        model_grid: the grid wanted, see `fit_grid`.
        trained_labels: what each label means that the model was trained with; empty where it takes none.

    Raises:
        DataError: it has labels, and none that the model knows.
    """
    changed: dict[str, Any] = {"early": resample(scan.early, grid, model_grid)}
    if scan.spacing_mm is not None:
        changed["spacing_mm"] = model_grid.spacing_millimetres
    if scan.frames is not None:
        changed["frames"] = np.stack([resample(frame, grid, model_grid) for frame in scan.frames])
    if scan.ct is not None:
        changed["ct"] = resample_ct(scan.ct, grid, model_grid)
    if scan.labels is not None:
        there = resample_labels(scan.labels, grid, model_grid)
        changed |= {"labels": renumbered(there, scan.label_names or {}, trained_labels)}
        changed["label_names"] = dict(trained_labels)
    return dataclasses.replace(scan, **changed)


def renumbered(labels: NDArray[np.int16], names: Mapping[int, str], trained: Mapping[int, str]) -> NDArray[np.int16]:
    """Return labels by the numbers of those with which a model was trained: another program numbers organs otherwise.

    Args:
        labels: shape (z, y, x).
        names: what each of them means.
        trained: what each label means that the model knows; the others become 0.

    Raises:
        DataError: the model knows none of the names.
    """
    numbers = {name: number for number, name in trained.items()}
    table = np.zeros(max([*names, int(labels.max(initial=0))], default=0) + 1, dtype=np.int16)
    for number, name in names.items():
        table[number] = numbers.get(name, 0)
    if not table.any():
        some = ", ".join(list(trained.values())[:3])
        raise DataError(f"none of its labels is called as one that the model knows, such as {some}")
    found: NDArray[np.int16] = table[np.maximum(labels, 0)]
    return found
