"""From closed planar contours, as RTSTRUCT keeps them, to the voxels of a grid.

A voxel belongs to a contour when its centre lies within it or on its line: programs that trace a mask through the
centres of its outermost voxels then get that mask back. In the plane, a contour within another is a hole in it, and one
within the hole an island. A contour stands for a slab: half way to its neighbours, by the nearest plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Grid

PLANAR_MILLIMETRES = 0.1
"""Points of a contour lie in one plane when none is further from it: coordinates are written with few digits."""

MOST_OUTSIDE_VOXELS = 0.5
"""How far beyond the outermost voxels' edges a contour may run: half the voxel that a drawing program rounds by."""

_DIGITS = 4  # of a voxel: what coordinates are good for, so that a point on a voxel's centre is one
_ONE_LESION = 1.5
"""A step between planes that is longer than this times the thickness of a slice is a gap."""

_THICKEST_MILLIMETRES = 10.0
"""No scan that lesions are drawn on has thicker slices."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What contours enclose.

    Attributes:
        inside: the voxels that they enclose, their lines included; shape (z, y, x).
        line: those of them whose centre lies on a line.
        notes: doubts, for people to read.
    """

    inside: NDArray[np.bool_]
    line: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def draw_contours(
    contours: Sequence[NDArray[np.float64]], grid: Grid, subject: str, slab_millimetres: float | None = None
) -> Drawn:
    """Return the voxels that the contours of one structure enclose.

    Args:
        contours: of each the points in NIfTI's world (right, anterior, superior) in millimetres, shape (n, 3).
        grid: whose voxels.
        subject: how messages name the structure.
        slab_millimetres: how thick the slices are that the contours were drawn on, where they say so.

    Raises:
        DataError: a contour in no plane, in a plane oblique to the grid, or outside of it; or planes so far apart that
            nobody knows whether there is lesion between them.
    """
    placed = [_index(points, grid) for points in contours]
    axis = _common_axis(placed, grid, subject)
    _require_within(placed, grid, subject)
    others = [other for other in range(3) if other != axis]
    shape = (grid.shape[others[0]], grid.shape[others[1]])
    heights = np.array([float(points[:, axis].mean()) for points in placed])
    step = grid.spacing_millimetres[axis]
    planes, of_contour = _planes(heights, PLANAR_MILLIMETRES / step)
    thick = _thickness(np.diff(planes), None if slab_millimetres is None else slab_millimetres / step, step, subject)
    slabs, notes = _slabs(planes, thick)
    inside, line = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    for number, (low, high) in enumerate(slabs):
        first, last = (int(np.ceil(round(end, _DIGITS - 1))) for end in (low, high))
        cut = [slice(None)] * 3
        cut[axis] = slice(max(first, 0), max(min(last, grid.shape[axis]), 0))
        if cut[axis].start < cut[axis].stop:
            flat = [placed[index][:, others] for index in np.flatnonzero(of_contour == number)]
            both = _fill(flat, shape)
            for target, found in zip((inside, line), both, strict=True):
                target[tuple(cut)] = np.expand_dims(found, axis)
    return Drawn(inside, line, notes)


def _index(points: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Return points as voxel indices (z, y, x)."""
    inverse = np.linalg.inv(grid.affine)
    index: NDArray[np.float64] = np.round((points @ inverse[:3, :3].T + inverse[:3, 3])[:, ::-1], _DIGITS)
    return index


def _common_axis(contours: Sequence[NDArray[np.float64]], grid: Grid, subject: str) -> int:
    """Return the axis of the grid that every contour lies across."""
    steps = np.array(grid.spacing_millimetres)
    depths = np.max([np.ptp(points, axis=0) for points in contours], axis=0) * steps
    if depths.min() <= PLANAR_MILLIMETRES:
        return int(depths.argmin())
    worst = 0.0
    for points in contours:
        centred = (points - points.mean(axis=0)) * steps
        normal = np.linalg.svd(centred, full_matrices=True)[2][-1]
        worst = max(worst, float(np.ptp(centred @ normal)))
    if worst > PLANAR_MILLIMETRES:
        raise DataError(
            f"{subject}: the points of a contour lie up to {worst:.1f} mm from one plane; draw it in one plane, or "
            "export the mask as DICOM SEG"
        )
    raise DataError(
        f"{subject}: its contours lie oblique to the slices of the image; draw them on those, or export the mask as "
        "DICOM SEG"
    )


def _require_within(contours: Sequence[NDArray[np.float64]], grid: Grid, subject: str) -> None:
    points = np.concatenate(contours)
    beyond = np.maximum(-0.5 - points, points - (np.array(grid.shape) - 0.5))
    worst = float((beyond * np.array(grid.spacing_millimetres)).max())
    if (beyond > MOST_OUTSIDE_VOXELS + 1e-3).any():
        raise DataError(
            f"{subject}: its contours run up to {worst:.0f} mm outside the image; import the scan that they were "
            "drawn on, or leave the structure out"
        )


def _planes(heights: NDArray[np.float64], tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the planes in rising order, and which each height is in."""
    order = np.argsort(heights, kind="stable")
    number = np.empty(len(heights), dtype=np.int64)
    number[order] = np.cumsum(np.diff(heights[order], prepend=heights[order[0]]) > tolerance)
    return np.array([heights[number == plane].mean() for plane in range(number.max() + 1)]), number


def _thickness(steps: NDArray[np.float64], said: float | None, step: float, subject: str) -> float:
    """Return how thick a slice the contours were drawn on, in voxels of the image, by what they say or their steps.

    Args:
        steps: from plane to plane, in voxels.
        said: by the contours themselves; None where they are silent.
        step: a voxel's size in millimetres.
        subject: for messages.

    Raises:
        DataError: planes so far apart, and so seldom as far, that each may be a lesion of its own.
    """
    if not len(steps):
        return 1.0 if said is None else said
    least = float(steps.min())
    if said is not None:
        return min(least, said)
    regular = int((steps <= 1.1 * least).sum()) >= 2 and least * step <= _THICKEST_MILLIMETRES
    if least > _ONE_LESION and not regular:
        raise DataError(
            f"{subject}: its contours lie {least * step:.0f} mm apart or more, and nothing says how thick the slices "
            "are that they were drawn on; export them with ContourSlabThickness, or as DICOM SEG"
        )
    return least


def _slabs(planes: NDArray[np.float64], thick: float) -> tuple[list[tuple[float, float]], tuple[str, ...]]:
    """Return what each plane stands for, from its lower end up to its upper one, and notes."""
    steps = np.diff(planes)
    gaps = steps > _ONE_LESION * thick
    half = np.where(gaps, thick, steps) / 2.0
    below, above = np.append(thick / 2.0, half), np.append(half, thick / 2.0)
    notes = (f"{int(gaps.sum())} gap(s) between its contours are left empty",) if gaps.any() else ()
    return list(zip((planes - below).tolist(), (planes + above).tolist(), strict=True)), notes


def _fill(
    polygons: Sequence[NDArray[np.float64]], shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels polygons of one plane enclose, their lines included, and which of them lie on a line."""
    unlike = {points.tobytes(): points for points in polygons}  # a contour that is there twice is no hole in itself
    inside, line = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for points in sorted(unlike.values(), key=_area, reverse=True):
        within, on = _polygon(points, shape)
        if within.any() and not (within & ~inside).any():
            inside &= ~within
            line &= ~within
        else:
            inside |= within
        line |= on
        inside |= on
    return inside, line & inside


def _polygon(points: NDArray[np.float64], shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels lie strictly within a polygon, and which on its line."""
    from skimage import measure

    points_in: Any = measure.grid_points_in_poly  # shipped without types
    within, on = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for first, second in zip(points, np.roll(points, -1, axis=0), strict=True):
        pixels = _on_line(first, second)
        pixels = pixels[((pixels >= 0) & (pixels < shape)).all(axis=1)]
        on[pixels[:, 0], pixels[:, 1]] = True
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, shape)
    if (low < high).all() and len(points) >= 3:
        box = (slice(low[0], high[0]), slice(low[1], high[1]))
        within[box] = points_in(tuple(high - low), points - low) & ~on[box]
    return within, on


def _on_line(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the pixels whose centre lies on the way from one point to another, shape (n, 2)."""
    way = second - first
    along = int(np.abs(way).argmax())  # at every whole number of the longer side, is the other one whole too
    ends = sorted((first[along], second[along]))
    whole = np.arange(np.ceil(ends[0]), np.floor(ends[1]) + 1)
    share = (whole - first[along]) / way[along] if way[along] else np.zeros(len(whole))
    across = first[1 - along] + share * way[1 - along]
    hit = np.abs(across - np.rint(across)) < 10.0**-_DIGITS
    found = np.empty((int(hit.sum()), 2), dtype=np.int64)
    found[:, along], found[:, 1 - along] = whole[hit], np.rint(across[hit])
    return found


def _area(points: NDArray[np.float64]) -> float:
    first, second = points.T
    return abs(float(np.dot(first, np.roll(second, 1)) - np.dot(second, np.roll(first, 1)))) / 2.0
