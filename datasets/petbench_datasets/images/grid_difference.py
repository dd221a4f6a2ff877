"""In which way two grids differ, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from petbench_datasets.images.grid import Grid

_DIRECTIONS = ("to the left", "to the back", "to the head")


def difference(one: Grid, other: Grid) -> str:
    """Return what differs: the voxels' number or size, the place, or the direction.

    For two grids that read alike, such as scans of one patient on a table that moved: `its first voxel lies 3 mm
    further along z (feet to head)`.
    """
    if one.shape != other.shape or not np.allclose(one.spacing_millimetres, other.spacing_millimetres, rtol=1e-3):
        return f"it has {one}, the other {other}"
    turned = one.affine[:3, :3] - other.affine[:3, :3]
    shift = one.affine[:3, 3] - other.affine[:3, 3]
    parts = []
    if np.abs(turned).max() > 1e-3 * max(one.spacing_millimetres):
        unit = [grid.affine[:3, :3] / np.sqrt((grid.affine[:3, :3] ** 2).sum(axis=0)) for grid in (one, other)]
        cosine = np.clip((unit[0] * unit[1]).sum(axis=0), -1.0, 1.0).min()
        parts.append(f"its axes are turned by {np.degrees(np.arccos(cosine)):.3g} degrees")
    moved = [
        f"{abs(length):.3g} mm {'further' if length > 0 else 'less far'} along {axis} ({direction})"
        for axis, direction, length in zip("xyz", _DIRECTIONS, (-shift[0], -shift[1], shift[2]), strict=True)
        if abs(length) > 1e-2
    ]
    if moved:
        parts.append(f"its first voxel lies {' and '.join(moved)}")
    if not parts:
        distance = np.abs(one.corners_millimetres() - other.corners_millimetres()).max()
        parts.append(f"its last voxel lies up to {distance:.3g} mm away")
    return " and ".join(parts)
