"""What of a grid an image has seen: the field of view that two scans share, and what lies outside of one.

Not measured is not zero. A pair is therefore cut to the voxels that both of its images have measured, and not filled
and masked: a mask would have to be honoured by every method, metric and export, and one that forgot it would learn, or
score, zeros. What is cut away could be neither learnt from nor scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.images.grid import Grid, measured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Volume

LEAST_EMPTY = 0.01
"""The part of the other image's activity that must lie in zeros before they are taken for a filling."""

Box = tuple[slice, slice, slice]
"""Voxels from and to, along (z, y, x)."""


def common_box(target: Grid, sources: Iterable[Grid]) -> Box | None:
    """Return the box of voxels of `target` that every one of `sources` has measured; None if there is no such voxel.

    Along the axes of `target` it is exact. Where images are turned against each other, what they share is no box: from
    the box around it, the face with the largest part that was not measured is taken off until none is left.
    """
    seen = np.ones(target.shape, dtype=bool)
    for source in sources:
        seen &= measured(source, target)
    if not seen.any():
        return None
    box = [_extent(seen, axis) for axis in range(3)]
    # What grids share is convex: once all six faces were measured, so was all between them.
    while True:
        missing = {(axis, end): 1.0 - float(seen[_face(box, axis, end)].mean()) for axis in range(3) for end in (0, 1)}
        (axis, end), worst = max(missing.items(), key=lambda item: item[1])
        if worst == 0.0:
            return slice(*box[0]), slice(*box[1]), slice(*box[2])
        box[axis][end] += 1 - 2 * end
        if box[axis][0] >= box[axis][1]:
            return None


def cut(grid: Grid, box: Box) -> Grid:
    """Return the part of `grid` in `box`."""
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array([part.start for part in reversed(box)], dtype=np.float64)
    z, y, x = (part.stop - part.start for part in box)
    return Grid((z, y, x), affine)


def share_outside(volume: Volume, grid: Grid, field: Grid) -> float:
    """Return which part of an image's activity, 0 to 1, lies in voxels whose centre is outside `field`.

    Voxels below zero are noise, and left out of both sums.

    Args:
        volume: in a unit of activity, shape (z, y, x).
        grid: of `volume`.
        field: another grid.
    """
    activity = np.maximum(volume, 0.0)
    total = float(activity.sum(dtype=np.float64))
    return float(activity[~measured(field, grid)].sum(dtype=np.float64)) / total if total > 0.0 else 0.0


def filled(volume: Volume, grid: Grid) -> Grid:
    """Return the part of an image's grid outside of which, up to its faces, every voxel is exactly 0."""
    there = volume != 0.0
    if not there.any():
        return grid
    z, y, x = (_extent(there, axis) for axis in range(3))
    return cut(grid, (slice(*z), slice(*y), slice(*x)))


def never_measured(volume: Volume, grid: Grid, other: Volume, other_grid: Grid) -> Grid | None:
    """Return the part of an image that seems to be measured, where another program filled the rest with zeros.

    That is so where more than 1 % of the other image's activity lies in what is exactly 0 up to a face of this one: a
    scanner draws noise there, or measures less. None where nothing looks like it.
    """
    inner = filled(volume, grid)
    empty = share_outside(other, other_grid, inner) - share_outside(other, other_grid, grid)
    return inner if empty > LEAST_EMPTY else None


def _extent(there: NDArray[np.bool_], axis: int) -> list[int]:
    """Return from where to where along an axis something is there."""
    places = np.flatnonzero(there.any(axis=tuple(other for other in range(3) if other != axis)))
    return [int(places[0]), int(places[-1]) + 1]


def _face(box: list[list[int]], axis: int, end: int) -> Box:
    """Return the outermost layer of a box at one end of one axis."""
    parts = [slice(*bounds) for bounds in box]
    place = box[axis][0] if end == 0 else box[axis][1] - 1
    parts[axis] = slice(place, place + 1)
    return parts[0], parts[1], parts[2]
