"""How a scanner blurs: the width of the Gaussian that turns true activity into measured images, found from both.

A scan blurs by its resolution, its reconstruction and the filter after it. All three together are taken for one
Gaussian, the same everywhere and in all directions; its width is the one of least squares over images whose truth is
known, so that it is a fact of the images and not of whatever simulated them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, special

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from petbench_datasets.images.grid import Volume

    Array = NDArray[np.float64]

WIDTHS_MILLIMETRES = np.arange(0.0, 24.1, 0.5)
"""Full widths at half maximum among which the best is looked for."""

_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
_REACH_SIGMAS = 4.0


def blurred(volume: Volume, width_millimetres: float, spacing_millimetres: Sequence[float]) -> Volume:
    """Return a volume blurred by a Gaussian of a full width at half maximum; nothing lies outside; shape (z, y, x)."""
    result = volume.astype(np.float64)
    for axis, spacing in enumerate(spacing_millimetres):
        result = ndimage.convolve1d(result, _kernel(width_millimetres, spacing), axis=axis, mode="constant")
    return result.astype(np.float32)


def blur_errors(truth: Volume, image: Volume, spacing_millimetres: Sequence[float]) -> Array:
    """Return Σ (blurred truth - image)² for each of `WIDTHS_MILLIMETRES`, but for a term that all share.

    By Parseval's theorem, from one Fourier transform of each: no volume is blurred. The images are taken to repeat
    beyond their edges, which changes nothing where air surrounds the body.

    Args:
        truth: the true activity, SUV, shape (z, y, x).
        image: the measured image of it.
        spacing_millimetres: of the voxels, (z, y, x).
    """
    true, seen = (np.fft.rfftn(volume.astype(np.float64)) for volume in (truth, image))
    twice = np.full(true.shape[2], 2.0)  # half of the spectrum stands for the whole
    twice[0] = 1.0
    if truth.shape[2] % 2 == 0:
        twice[-1] = 1.0
    power = (true.real**2 + true.imag**2) * twice / truth.size
    shared = (true.real * seen.real + true.imag * seen.imag) * twice / truth.size
    errors = []
    for width in WIDTHS_MILLIMETRES:
        z, y, x = (
            _transfer(_kernel(float(width), spacing), size)
            for spacing, size in zip(spacing_millimetres, truth.shape, strict=True)
        )
        x = x[: true.shape[2]]
        errors.append(z**2 @ (power @ x**2) @ y**2 - 2.0 * (z @ (shared @ x) @ y))
    return np.array(errors)


def best_width(errors: Iterable[Array]) -> float:
    """Return the width in mm with the least error over several participants' `blur_errors`."""
    return float(WIDTHS_MILLIMETRES[np.argmin(np.sum(list(errors), axis=0))])


def _kernel(width_millimetres: float, spacing_millimetres: float) -> Array:
    """Return a Gaussian integrated over voxels, of odd length, its sum 1."""
    sigma = width_millimetres / _FWHM_PER_SIGMA / spacing_millimetres
    if sigma == 0.0:
        return np.ones(1)
    radius = math.ceil(_REACH_SIGMAS * sigma)
    edges = (np.arange(-radius, radius + 2) - 0.5) / (sigma * math.sqrt(2.0))
    weights = np.diff(special.erf(edges))
    return np.asarray(weights / weights.sum())


def _transfer(kernel: Array, size: int) -> Array:
    """Return the transfer function of a symmetric kernel over `size` samples: the discrete Fourier transform of it."""
    radius = len(kernel) // 2
    offsets = np.arange(-radius, radius + 1)
    phases = np.cos(2.0 * math.pi * np.outer(np.arange(size), offsets) / size)
    return np.asarray(phases @ kernel)
