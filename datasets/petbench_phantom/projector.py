"""Line integrals through an image: one sparse Joseph matrix that all slices share, its transpose, subset by subset.

The matrix of one transaxial plane (Joseph 1982, IEEE TMI 1:192) is the same in every plane, so a sinogram of all
planes is one sparse matrix times one dense one. In 3-D the oblique segments, tan(theta) = -0.2 ... 0.2, see the same
rays sheared along z: a ray at depth t meets slice z0 + t tan(theta). The matrix is then split by whole slices of
shear, and its parts' results are added with whole-slice shifts.

Every weight is a multiple of 2**-10 and images are put on a lattice before a product (`fields.on_lattice`): sums
are then exact in double precision, the same bits whatever the order, the compiler and the number of threads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]

Array: TypeAlias = Any
"""What a projector computes with: arrays of numpy, or of torch where it does so on a device (`device.py`)."""

_WEIGHT_BITS = 10
_TANGENTS = (0.1, 0.2)


@dataclass(frozen=True, slots=True)
class _Sheared:
    """The rays of one subset, split by how many slices they have been sheared where they meet a pixel."""

    shifts: tuple[int, ...]
    forward: Array
    backward: Array


class Projector:
    """Forward and back projection of a whole volume, subset by subset.

    An image is an array (pixels of the circular field of view, slices); a projection (segments, rays, slices), the
    rays of a subset running angle by angle, bin by bin.

    Attributes:
        subsets: how many.
        segments: 1 in 2-D; 5 in 3-D, the direct one first and then each oblique one beside its mirror image.
        pixels: flat indices (y, x) of the field of view.
        bins: rays of one angle.
    """

    def __init__(self, spec: PhantomSpec) -> None:
        size = spec.shape[1]
        self.subsets = spec.subsets
        self.bins = size
        middle = np.arange(size) - (size - 1) / 2
        radius = middle[:, None] * middle[:, None] + middle[None, :] * middle[None, :]
        inside = (radius <= (size / 2 - 0.5) ** 2).ravel()
        self.pixels = np.flatnonzero(inside)
        place = np.cumsum(inside) - 1
        place[~inside] = -1
        self._slices = spec.shape[0]
        self._direct: list[tuple[Array, Array]] = []
        self._oblique: list[list[_Sheared]] = []
        tangents = _TANGENTS if spec.reconstruction == "3d" else ()
        self.segments = 1 + 2 * len(tangents)
        for subset in range(spec.subsets):
            angles = range(subset, spec.angles, spec.subsets)
            rays = [_rays(math.pi * index / spec.angles, size, place) for index in angles]
            count = len(rays) * size
            row = np.concatenate([ray.bin + number * size for number, ray in enumerate(rays)])
            pixel, weight, depth = (np.concatenate([getattr(r, n) for r in rays]) for n in ("pixel", "weight", "depth"))
            pair = _pair(row, pixel, weight, (count, len(self.pixels)))
            self._direct.append((self.keep(pair[0]), self.keep(pair[1])))
            steps = [tangent * spec.spacing_millimetres[1] / spec.spacing_millimetres[0] for tangent in tangents]
            sheared = [_shear(row, pixel, weight, depth * step, (count, len(self.pixels))) for step in steps]
            self._oblique.append(
                [replace(one, forward=self.keep(one.forward), backward=self.keep(one.backward)) for one in sheared]
            )

    def flatten(self, volume: Field) -> Field:
        """Return a volume (z, y, x) as an image: pixels of the field of view, slices."""
        return np.ascontiguousarray(volume.reshape(volume.shape[0], -1)[:, self.pixels].T)

    def unflatten(self, image: Field) -> Field:
        """Return an image as a volume (z, y, x), 0 outside the field of view."""
        volume = np.zeros((self._slices, self.bins * self.bins))
        volume[:, self.pixels] = image.T
        return volume.reshape(self._slices, self.bins, self.bins)

    def keep(self, matrix: sparse.csr_array) -> Array:
        """Return a sparse matrix where this projector computes."""
        return matrix

    def place(self, array: NDArray[np.floating]) -> Array:
        """Return an array where this projector computes."""
        return array

    def fetch(self, array: Array) -> Field:
        """Return what this projector computed as numpy's."""
        return np.asarray(array)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Return zeros in double precision where this projector computes."""
        return np.zeros(shape)

    def forward(self, subset: int, image: Array) -> Array:
        """Return the line integrals of one subset, in pixel lengths, shape (segments, rays, slices)."""
        direct = self._direct[subset][0] @ image
        result = self.zeros((self.segments, *direct.shape))
        result[0] = direct
        for number, sheared in enumerate(self._oblique[subset]):
            parts = (sheared.forward @ image).reshape(len(sheared.shifts), *direct.shape)
            for part, shift in zip(parts, sheared.shifts, strict=True):
                into, out = _shifted(shift, self._slices)
                result[1 + 2 * number][:, into] += part[:, out]
                result[2 + 2 * number][:, out] += part[:, into]
        return result

    def back(self, subset: int, rays: Array) -> Array:
        """Return the transpose of `forward` applied to one subset's rays."""
        image = self._direct[subset][1] @ rays[0]
        for number, sheared in enumerate(self._oblique[subset]):
            parts = self.zeros((len(sheared.shifts), *rays.shape[1:]))
            for part, shift in zip(parts, sheared.shifts, strict=True):
                into, out = _shifted(shift, self._slices)
                part[:, out] += rays[1 + 2 * number][:, into]
                part[:, into] += rays[2 + 2 * number][:, out]
            image += sheared.backward @ parts.reshape(-1, self._slices)
        return image


@dataclass(frozen=True, slots=True)
class _Rays:
    bin: NDArray[np.intp]
    pixel: NDArray[np.intp]
    weight: Field
    depth: Field


def _rays(angle: float, size: int, place: NDArray[np.intp]) -> _Rays:
    """Return the pixels that the rays of one angle meet, by linear interpolation in the steeper direction."""
    cosine, sine = stable(math.cos(angle)), stable(math.sin(angle))
    middle = (size - 1) / 2
    offset = np.arange(size) - middle  # of a bin, and of a row or column
    bins, lines = np.meshgrid(offset, offset, indexing="ij")
    if abs(cosine) >= abs(sine):  # the ray runs along y: one sample a row
        crossing = (bins - lines * sine) * stable(1 / cosine)
        depth = lines * cosine - crossing * sine
        length = stable(1 / abs(cosine))
    else:
        crossing = (bins - lines * cosine) * stable(1 / sine)
        depth = crossing * cosine - lines * sine
        length = stable(1 / abs(sine))
    position = crossing + middle
    floor = np.floor(position).astype(np.intp)
    part = position - floor
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], Field, Field]] = []
    for neighbour, share in ((floor, 1 - part), (floor + 1, part)):
        along = (lines + middle).astype(np.intp)
        legal = (neighbour >= 0) & (neighbour < size)
        near = np.clip(neighbour, 0, size - 1)
        pixel = place[along * size + near if abs(cosine) >= abs(sine) else near * size + along]
        weight = np.rint(share * length * 2.0**_WEIGHT_BITS) * 2.0**-_WEIGHT_BITS
        keep = legal & (pixel >= 0) & (weight > 0)
        index = (bins + middle).astype(np.intp)
        found.append((index[keep], pixel[keep], weight[keep], depth[keep]))
    return _Rays(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _pair(
    row: NDArray[np.intp], pixel: NDArray[np.intp], weight: Field, shape: tuple[int, int]
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return the matrix and its transpose, both by rows."""
    forward = sparse.csr_array((weight, (row, pixel)), shape=shape)
    forward.sort_indices()
    backward = forward.T.tocsr()
    backward.sort_indices()
    return forward, backward


def _shear(
    row: NDArray[np.intp], pixel: NDArray[np.intp], weight: Field, shift: Field, shape: tuple[int, int]
) -> _Sheared:
    floor = np.floor(shift)
    share = np.rint(weight * (shift - floor) * 2.0**_WEIGHT_BITS) * 2.0**-_WEIGHT_BITS
    lowest = int(floor.min())
    count = int(floor.max()) - lowest + 2
    layer = (floor - lowest).astype(np.intp)
    rows = np.concatenate([layer * shape[0] + row, (layer + 1) * shape[0] + row])
    weights = np.concatenate([weight - share, share])
    forward, backward = _pair(rows, np.concatenate([pixel, pixel]), weights, (count * shape[0], shape[1]))
    return _Sheared(tuple(range(lowest, lowest + count)), forward, backward)


def _shifted(shift: int, length: int) -> tuple[slice, slice]:
    """Return slices so that result[first] = source[second] moves slice z + shift to slice z."""
    if shift >= 0:
        return slice(0, max(length - shift, 0)), slice(min(shift, length), length)
    return slice(min(-shift, length), length), slice(0, max(length + shift, 0))
