"""Bringing the images of a dataset to other grids, only when asked, and recording it: `resample_dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from petbench_datasets.errors import DataError
from petbench_datasets.exporters.one_grid import Placement, write_on_one_grid
from petbench_datasets.images.grid import Grid
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.dataset.pair_frames import PairFrames
    from petbench_datasets.tasks.task import Task

Target = Literal["early", "delayed"] | tuple[float, float, float]


def resample_dataset(
    root: Path, folder: Path, to: Target = "early", progress: Progress = silent, task: Task | None = None
) -> tuple[str, ...]:
    """Write the dataset at `root` anew to `folder`, the images of each pair on one grid and in one field of view.

    What one image of a pair did not measure is cut away from both. Each sidecar says what was done to its image. Labels
    and body masks are resampled by the nearest voxel. Splits are left out, because they belong to the old images, and
    images that take part in no pair.

    Args:
        root: the dataset; it stays as it is.
        folder: must not exist.
        to: the grid of each participant's `early` or `delayed` image, or a spacing (z, y, x) in millimetres over the
            extent of the early image.
        progress: called after each participant.
        task: as for `open_dataset`; the new dataset has it.

    Returns:
        What was cut away or left out, one line each.

    Raises:
        DataError: a participant that cannot be used or whose images share no voxel, or `folder` exists.
    """
    return write_on_one_grid(
        root, folder, lambda pair, _: Placement(target_grid(pair, to)), "resampling the dataset", progress, task
    )


def target_grid(pair: PairFrames, to: Target) -> Grid:
    """Return the grid that `to` names for a pair."""
    if not isinstance(to, str):
        return respaced(pair.early.grid, to)
    return (pair.early if to == "early" else pair.delayed).grid


def respaced(grid: Grid, spacing_millimetres: tuple[float, float, float]) -> Grid:
    """Return a grid over the same extent, with the same axes and centre but another spacing (z, y, x)."""
    if min(spacing_millimetres) <= 0.0:
        raise DataError(f"a spacing of {spacing_millimetres} mm is impossible; give three positive lengths")
    old = np.array(grid.spacing_millimetres[::-1])
    new = np.array(spacing_millimetres[::-1], dtype=np.float64)
    sizes = np.maximum(1, np.ceil(np.array(grid.shape[::-1]) * old / new - 1e-6)).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = grid.affine[:3, :3] / old * new
    centre = grid.affine[:3, :3] @ ((np.array(grid.shape[::-1]) - 1) / 2.0) + grid.affine[:3, 3]
    affine[:3, 3] = centre - affine[:3, :3] @ ((sizes - 1) / 2.0)
    return Grid((int(sizes[2]), int(sizes[1]), int(sizes[0])), affine)
