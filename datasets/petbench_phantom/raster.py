"""From solids to voxels: labels, activity and attenuation of one body in one position, slab by slab."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.organs import ORGANS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from petbench_phantom.parts import Part
    from petbench_phantom.pose import Pose
    from petbench_phantom.spec import PhantomSpec

    Field = NDArray[np.float64]

_CODES = {organ.name: organ.label for organ in ORGANS}
_SLAB = 8  # voxel slices at a time: small enough for the CPU's cache, large enough for numpy


@dataclass(frozen=True, slots=True)
class Tissues:
    """What fills the voxels.

    Attributes:
        labels: the organ that most of each voxel belongs to, int16, shape (z, y, x); 0 is air.
        activity: mean SUV of each voxel, before texture.
        roughness: the same times the organ's texture: the size of a standard deviation of uptake there.
        attenuation: 1/cm at 511 keV.
    """

    labels: NDArray[np.int16]
    activity: Field
    roughness: Field
    attenuation: Field


def rasterise(spec: PhantomSpec, parts: Sequence[Part], pose: Pose, suv: NDArray[np.float64]) -> Tissues:
    """Fill the voxels of `spec` with a body.

    Args:
        spec: the grid and the number of sub-voxels in a voxel.
        parts: of the body, later ones over earlier ones.
        pose: where the body's points lie.
        suv: mean SUV by slice and label, shape (z, labels + 1); index 0 is air.
    """
    shape = spec.shape
    labels = np.zeros(shape, np.int16)
    activity, roughness, attenuation = (np.zeros(shape) for _ in range(3))
    texture = np.array([0.0, *(organ.texture for organ in ORGANS)])
    density = np.array([0.0, *(organ.attenuation for organ in ORGANS)])
    for low, high, fine in _slabs(spec, parts, pose):
        rows, columns = pose.window
        box = (slice(low, high), rows, columns)
        blocks = _blocks(fine, spec.supersampling)
        votes = np.zeros(labels[box].shape, np.int16)
        for code in np.flatnonzero(np.bincount(fine.ravel(), minlength=len(texture))):
            count = (blocks == code).sum(axis=(1, 3, 5), dtype=np.int16)
            part = count * (1.0 / float(np.prod(spec.supersampling)))
            activity[box] += part * suv[low:high, code][:, None, None]
            roughness[box] += part * (suv[low:high, code] * texture[code])[:, None, None]
            attenuation[box] += part * density[code]
            wins = count > votes
            votes[wins] = count[wins]
            labels[box][wins] = code
    return Tissues(labels, activity, roughness, attenuation)


def millilitres(spec: PhantomSpec, parts: Sequence[Part], pose: Pose) -> list[float]:
    """Return the volume of each label in the field, as `rasterise` fills it; that of air, label 0, is left at 0."""
    counts = np.zeros(len(ORGANS) + 1, np.int64)
    for _, _, fine in _slabs(spec, parts, pose):
        counts += np.bincount(fine.ravel(), minlength=len(counts))
    sub_voxel = 1e-3 * math.prod(spec.spacing_millimetres) / math.prod(spec.supersampling)
    return [0.0, *(sub_voxel * count for count in counts[1:].tolist())]


def _slabs(spec: PhantomSpec, parts: Sequence[Part], pose: Pose) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    for low in range(0, spec.shape[0], _SLAB):
        high = min(low + _SLAB, spec.shape[0])
        skin, lean = pose.coordinates(low, high)
        fine = np.zeros(lean[0].shape, np.uint8)
        for part in parts:
            window = pose.box(part, low, high)
            if window is None:
                continue
            x, y, z = (axis[window] for axis in (skin if part.frame == "skin" else lean))
            if part.scale != 1.0:
                shrink = np.float32(1.0 / part.scale)
                x, y, z = (
                    (axis - np.float32(middle)) * shrink + np.float32(middle)
                    for axis, middle in zip((x, y, z), part.centre, strict=True)
                )
            fine[window][part.shape.contains(x, y, z)] = _CODES[part.organ]
        yield low, high, fine


def _blocks(fine: NDArray[np.uint8], factor: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a view whose axes are (z, sub z, y, sub y, x, sub x)."""
    z, y, x = (size // step for size, step in zip(fine.shape, factor, strict=True))
    return fine.reshape(z, factor[0], y, factor[1], x, factor[2])
