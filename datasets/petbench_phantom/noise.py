"""The noise of a simulated scan: how strong it is in the liver, and how far neighbouring voxels share it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.fields import FWHM_PER_SIGMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FEWEST = 30  # voxels from which a correlation is taken


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise within one region, from two scans of the same body.

    Attributes:
        variation: standard deviation over the mean uptake.
        along_z: correlation of neighbours along z; NaN where the region is too small.
        in_plane: correlation of neighbours along y and x.
    """

    variation: float
    along_z: float
    in_plane: float


def noise_in(first: NDArray[np.float32], second: NDArray[np.float32], region: NDArray[np.bool_]) -> Noise:
    """Return the noise of two scans that differ in nothing else.

    Args:
        first: SUV, shape (z, y, x).
        second: the same body again.
        region: where to look, a part of uniform uptake.
    """
    noise = (first.astype(np.float64) - second) / math.sqrt(2.0)
    if int(region.sum()) < _FEWEST:
        return Noise(math.nan, math.nan, math.nan)
    noise -= noise[region].mean()
    variation = float(np.sqrt(np.mean(noise[region] ** 2)) / first[region].mean(dtype=np.float64))
    z, y, x = (_neighbours(noise, region, axis) for axis in range(3))
    return Noise(variation, z, (y + x) / 2)


def mean_noise(found: Sequence[Noise]) -> Noise:
    """Return the mean over those participants who have a region that is large enough."""
    columns = zip(*((each.variation, each.along_z, each.in_plane) for each in found), strict=True)
    finite = [[value for value in column if math.isfinite(value)] for column in columns]
    variation, z, plane = (float(np.mean(values)) if values else math.nan for values in finite)
    return Noise(variation, z, plane)


def correlation_length_millimetres(correlation: float, spacing_millimetres: float) -> float:
    """Return the FWHM of the Gaussian blur that would give white noise this correlation between neighbours.

    The autocorrelation of white noise blurred by a Gaussian of width s is exp(-d^2 / 4 s^2) at distance d.
    """
    if not 0.0 < correlation < 1.0:
        return 0.0
    return FWHM_PER_SIGMA * spacing_millimetres / (2.0 * math.sqrt(-math.log(correlation)))


def _neighbours(noise: NDArray[np.float64], region: NDArray[np.bool_], axis: int) -> float:
    ahead = tuple(slice(1, None) if other == axis else slice(None) for other in range(3))
    behind = tuple(slice(None, -1) if other == axis else slice(None) for other in range(3))
    both = region[ahead] & region[behind]
    if int(both.sum()) < _FEWEST:
        return math.nan
    return float(np.corrcoef(noise[ahead][both], noise[behind][both])[0, 1])
