"""Uptake of one image in labelled organs: SUVmean, SUVmax, SUVpeak and TLG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import PEAK_SPHERE_MILLILITRES
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask

    Box = tuple[slice, ...]

_SUBVOXELS = 5


@dataclass(frozen=True, slots=True)
class Uptake:
    """What one image says of one organ.

    Attributes:
        mean: SUVmean.
        maximum: SUVmax.
        peak: SUVpeak, the largest mean over a 1 mL sphere centred on a voxel of the organ (PERCIST 1.0: Wahl et al.,
            J Nucl Med 2009;50:122S). The sphere may reach beyond the organ.
        lesion_glycolysis: TLG, SUVmean times volume in mL of the voxels of the core: with at least 41 % of the organ's
            own maximum for FDG.
    """

    mean: float
    maximum: float
    peak: float
    lesion_glycolysis: float


def organ_uptake(
    volume: Image,
    labels: NDArray[np.int16],
    names: Mapping[int, str],
    spacing_millimetres: tuple[float, float, float],
    peaks: NDArray[np.float64] | None = None,
    *,
    core_percent: float = DEFAULT_TASK.core_percent,
) -> dict[str, Uptake]:
    """Return the uptake of every organ that has a voxel; `volume` and `labels` have the shape (z, y, x).

    Label 0 is the outside and is left out, as is a label without a name.

    Args:
        volume: SUV.
        labels: an integer per voxel.
        names: what the integers mean.
        spacing_millimetres: of the voxels, (z, y, x).
        peaks: `sphere_means` of the volume, where they are known.
        core_percent: of the organ's maximum, from which on a voxel counts for TLG.
    """
    values = np.asarray(volume, dtype=np.float64)
    if peaks is None:
        peaks = sphere_means(values, spacing_millimetres)
    millilitres = float(np.prod(spacing_millimetres)) / 1000.0
    found: dict[str, Uptake] = {}
    for name, box, inside in regions(labels, names):
        organ = values[box][inside]
        core = organ[organ >= core_percent / 100.0 * organ.max()]
        found[name] = Uptake(
            mean=float(organ.mean()),
            maximum=float(organ.max()),
            peak=float(peaks[box][inside].max()),
            lesion_glycolysis=float(core.sum() * millilitres),
        )
    return found


def regions(labels: NDArray[np.int16], names: Mapping[int, str]) -> Iterator[tuple[str, Box, Mask]]:
    """Yield the name, the box, and the voxels in the box of every label that has a name and a voxel; 0 is outside."""
    from scipy import ndimage

    for index, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if box is not None and index in names:
            yield names[index], box, labels[box] == index


def sphere_means(values: NDArray[np.float64], spacing_millimetres: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return, for every voxel, the mean over a 1 mL sphere centred on it; voxels count by the part inside."""
    from scipy import ndimage

    weights = sphere_weights(spacing_millimetres)
    if weights.size == 1:
        return values
    return np.asarray(ndimage.convolve(values, weights, mode="nearest"))


def sphere_weights(spacing_millimetres: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the part of the 1 mL sphere in each voxel of a (z, y, x) neighbourhood, summing to 1.

    A grid of points in each voxel is counted; where a voxel holds the sphere whole, the neighbourhood is that voxel.
    """
    radius = (3.0 * PEAK_SPHERE_MILLILITRES * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    squares = []
    for spacing in spacing_millimetres:
        reach = int(np.ceil(max(radius / spacing - 0.5, 0.0)))
        points = (np.arange((2 * reach + 1) * _SUBVOXELS) + 0.5) / _SUBVOXELS - reach - 0.5
        squares.append((points * spacing) ** 2)
    z, y, x = squares
    inside = z[:, None, None] + y[None, :, None] + x[None, None, :] <= radius**2
    shape = [size // _SUBVOXELS for size in inside.shape]
    counted = inside.reshape(shape[0], _SUBVOXELS, shape[1], _SUBVOXELS, shape[2], _SUBVOXELS).sum(axis=(1, 3, 5))
    return np.asarray(counted / counted.sum(), dtype=np.float64)
