"""Where the voxels of an image lie, and how to carry an image from one grid to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Volume = NDArray[np.float32]

CORNER_TOLERANCE_MILLIMETRES = 0.1
"""Two grids are one when no corner differs by more: scanners write positions with jitter of this size."""

_ANGLE_TOLERANCE_DEGREES = 0.02
_ENDS = (("the left", "the right"), ("the back", "the front"), ("the feet", "the head"))
"""Where NIfTI's world axes x, y and z lead, downwards and upwards."""

_FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid whose axes run x to the participant's Left, y to Posterior, z to Superior.

    Attributes:
        shape: voxels along (z, y, x).
        affine: 4x4, takes the voxel index (x, y, z) to millimetres in NIfTI's world (right, anterior, superior).
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @classmethod
    def regular(cls, shape: tuple[int, int, int], spacing_millimetres: tuple[float, float, float]) -> Grid:
        """Make an axis-aligned grid centred on the world's origin; both arguments are (z, y, x)."""
        sizes = np.array(shape[::-1], dtype=np.float64)
        steps = np.array(spacing_millimetres[::-1], dtype=np.float64) * np.array([-1.0, -1.0, 1.0])
        affine = np.diag([*steps, 1.0])
        affine[:3, 3] = -steps * (sizes - 1.0) / 2.0
        return cls(shape, affine)

    @property
    def spacing_millimetres(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along (z, y, x)."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(z), float(y), float(x)

    @property
    def voxel_millilitres(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    @property
    def is_sheared(self) -> bool:
        """Whether its axes are not at right angles, as a tilted gantry leaves them."""
        axes = self.affine[:3, :3] / np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4)

    def corners_millimetres(self) -> NDArray[np.float64]:
        """Return the world positions of the eight corner voxels, shape (8, 3)."""
        z, y, x = self.shape
        index = np.array([[i, j, k, 1.0] for i in (0, x - 1) for j in (0, y - 1) for k in (0, z - 1)])
        return np.asarray((index @ self.affine.T)[:, :3])

    def matches(self, other: Grid) -> bool:
        """Return whether both grids have the same voxels in the same places."""
        if self.shape != other.shape:
            return False
        distance = np.abs(self.corners_millimetres() - other.corners_millimetres())
        return bool(distance.max() <= CORNER_TOLERANCE_MILLIMETRES)

    def difference(self, other: Grid) -> str:
        """Say how `other` lies differently: `moved by 3 mm along z (towards the head)`; empty if it does not.

        Only what differs is named: size of a voxel, number of voxels, direction of the axes, place of the first voxel.
        """
        if self.matches(other):
            return ""
        found = []
        ours, theirs = np.array(self.spacing_millimetres), np.array(other.spacing_millimetres)
        if (np.abs(ours - theirs) * (np.array(self.shape) - 1) > CORNER_TOLERANCE_MILLIMETRES).any():
            found.append(f"voxels of {_by(theirs, 6)} mm instead of {_by(ours, 6)} mm")
        if self.shape != other.shape:
            found.append(f"{_by(other.shape)} voxels instead of {_by(self.shape)}")
        cosines = (self.affine[:3, :3] / ours[::-1] * other.affine[:3, :3] / theirs[::-1]).sum(axis=0)
        angle = float(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)).max()))
        if angle > _ANGLE_TOLERANCE_DEGREES:
            found.append(f"axes turned by {angle:.2g} degrees")
        what = "first voxel moved" if found else "moved"
        moved = other.affine[:3, 3] - self.affine[:3, 3]
        found += [
            f"{what} by {abs(step):.3g} mm along {axis} (towards {ends[int(step > 0)]})"
            for axis, step, ends in zip("xyz", moved, _ENDS, strict=True)
            if abs(step) > CORNER_TOLERANCE_MILLIMETRES
        ]
        return ", ".join(found) or "corners that lie more than 0.1 mm apart"

    def __str__(self) -> str:
        """Return the grid as people write it: `128x128x389 voxels of 5.346x5.346x5 mm` (x, y, z)."""
        return f"{_by(self.shape)} voxels of {_by(self.spacing_millimetres)} mm"


def _by(sizes: Sequence[float] | NDArray[np.float64], digits: int = 4) -> str:
    """Write sizes along (z, y, x) as people do: `128x128x389`."""
    return "x".join(str(size) if isinstance(size, int) else f"{size:.{digits}g}" for size in reversed(sizes))


def resample(volume: Volume, source: Grid, target: Grid, *, smoothed: bool = True) -> Volume:
    """Carry `volume` from `source` to `target`: linear interpolation, smoothed first when coarsening.

    Between the centre and the edge of the outermost voxels their own value holds; beyond the edge nothing was measured,
    and 0 stands there: whoever keeps such voxels asks `measured` first.

    The smoothing is the Gaussian that makes a source voxel as wide as a target voxel (Cardoso et al. 2015, "Scale
    factor point spread function matching"), so that coarse voxels average what they cover and do not sample it.

    Args:
        volume: shape `source.shape`.
        source: the grid that `volume` lies on.
        target: the grid wanted.
        smoothed: whether to smooth when coarsening; axes are compared in their order, which a plane of another
            direction does not have.

    Returns:
        An array of shape `target.shape`.
    """
    from scipy import ndimage

    if source.matches(target):
        return volume.astype(np.float32, copy=True)
    ratio = np.array(target.spacing_millimetres) / np.array(source.spacing_millimetres)
    sigma = np.sqrt(np.maximum(ratio**2 - 1.0, 0.0)) / _FWHM_PER_SIGMA
    smooth = ndimage.gaussian_filter(volume, sigma, mode="nearest") if smoothed and (sigma > 0.01).any() else volume
    matrix, offset = _index_map(source, target)
    result: Volume = ndimage.affine_transform(
        smooth.astype(np.float32, copy=False), matrix, offset, output_shape=target.shape, order=1, mode="nearest"
    )
    result[_outside(source.shape, matrix, offset, target.shape)] = 0.0
    return result


def measured(source: Grid, target: Grid) -> NDArray[np.bool_]:
    """Return which voxels of `target` have their centre in a voxel of `source`: elsewhere that image says nothing."""
    if source.matches(target):
        return np.ones(target.shape, dtype=bool)
    return ~_outside(source.shape, *_index_map(source, target), target.shape)


AIR_HU = -1000.0


def resample_ct(volume: Volume, source: Grid, target: Grid) -> Volume:
    """Do as `resample` with a CT in HU: outside lies air, and not water, which is 0."""
    return resample(volume - np.float32(AIR_HU), source, target) + np.float32(AIR_HU)


def resample_labels(labels: NDArray[np.int16], source: Grid, target: Grid) -> NDArray[np.int16]:
    """Carry a label image from `source` to `target` by the nearest voxel; 0 outside."""
    from scipy import ndimage

    if source.matches(target):
        return labels.copy()
    matrix, offset = _index_map(source, target)
    result: NDArray[np.int16] = ndimage.affine_transform(
        labels.astype(np.int16, copy=False), matrix, offset, output_shape=target.shape, order=0, mode="nearest"
    )
    result[_outside(source.shape, matrix, offset, target.shape)] = 0
    return result


def _outside(
    shape: tuple[int, int, int],
    matrix: NDArray[np.float64],
    offset: NDArray[np.float64],
    target_shape: tuple[int, int, int],
) -> NDArray[np.bool_]:
    """Return which target voxels have their centre outside the source's voxels, whose edges are half a step out."""
    full = matrix if matrix.ndim == 2 else np.diag(matrix)
    steps = np.ogrid[tuple(slice(count) for count in target_shape)]
    outside = np.zeros(target_shape, dtype=bool)
    for axis in range(3):
        place = offset[axis] + sum(full[axis, other] * steps[other] for other in range(3) if full[axis, other])
        outside |= (place < -0.5 - 1e-6) | (place > shape[axis] - 0.5 + 1e-6)
    return outside


def _index_map(source: Grid, target: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return matrix and offset that take a target index (z, y, x) to a source index (z, y, x)."""
    transform = np.linalg.inv(source.affine) @ target.affine
    matrix = transform[:3, :3][::-1, ::-1]
    offset = transform[:3, 3][::-1]
    off_axis = np.abs(matrix - np.diag(np.diag(matrix))).max()
    # A diagonal given as a vector lets scipy go axis by axis, which is several times faster.
    return (np.ascontiguousarray(np.diag(matrix)) if off_axis < 1e-7 else np.ascontiguousarray(matrix)), offset
