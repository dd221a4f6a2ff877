"""Arithmetic on volumes that gives the same bits on every machine.

numpy's `exp`, BLAS and vectorised sums differ in the last bit between CPUs. Here are only additions,
multiplications, divisions and roundings, element by element in a fixed order, which IEEE 754 fixes to the bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Numbers = TypeVar("Numbers", "NDArray[np.float64]", "Tensor")

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


def generator(seed: int, *stream: int) -> np.random.Generator:
    """Return the random numbers of one purpose: a counter-based stream of its own for each `stream`."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *stream])))


def half_kernel(sigma_voxels: float) -> tuple[float, ...]:
    """Return a Gaussian integrated over voxels, from the centre outwards, summing to one over both sides."""
    if sigma_voxels < 0.05:
        return (1.0,)
    radius = max(1, math.ceil(3.0 * sigma_voxels))
    edges = [math.erf((k - 0.5) / (sigma_voxels * math.sqrt(2.0))) for k in range(radius + 2)]
    raw = [edges[k + 1] - edges[k] for k in range(radius + 1)]
    total = raw[0] + 2.0 * sum(raw[1:])
    return tuple(stable(value / total) for value in raw)


def filter_axis(volume: NDArray[np.float64], kernel: tuple[float, ...], axis: int) -> NDArray[np.float64]:
    """Convolve along one axis with a symmetric kernel given from its centre outwards; nothing lies outside."""
    result = volume * kernel[0]
    length = volume.shape[axis]
    for distance, weight in enumerate(kernel[1:], start=1):
        if distance >= length:
            break
        ahead = _cut(volume.ndim, axis, slice(distance, None))
        behind = _cut(volume.ndim, axis, slice(None, length - distance))
        part = volume * weight
        result[ahead] += part[behind]
        result[behind] += part[ahead]
    return result


def gaussian(
    volume: NDArray[np.float64], fwhm_millimetres: float, spacing_millimetres: tuple[float, ...]
) -> NDArray[np.float64]:
    """Blur with a Gaussian; axes of `spacing_millimetres` are the axes of `volume`."""
    for axis, spacing in enumerate(spacing_millimetres):
        volume = filter_axis(volume, half_kernel(fwhm_millimetres / FWHM_PER_SIGMA / spacing), axis)
    return volume


def running_mean(volume: NDArray[np.float64], radius: int, axis: int) -> NDArray[np.float64]:
    """Average 2 radius + 1 neighbours along one axis; nothing lies outside."""
    pad = [(0, 0)] * volume.ndim
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(volume, pad), axis=axis)
    width = 2 * radius + 1
    upper = total[_cut(volume.ndim, axis, slice(width, None))]
    lower = total[_cut(volume.ndim, axis, slice(None, -width))]
    return np.asarray(np.maximum(upper - lower, 0.0) / width)


def smooth_noise(
    random: np.random.Generator, shape: tuple[int, ...], sigma_voxels: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return a smooth field of mean 0 and variance 1, nearly Gaussian, whose kernel has the given widths."""
    kernels = [half_kernel(sigma) for sigma in sigma_voxels]
    margins = [len(kernel) - 1 for kernel in kernels]
    padded = tuple(size + 2 * margin for size, margin in zip(shape, margins, strict=True))
    field = random.random(padded) - 0.5  # sums of many uniform numbers are Gaussian, without a logarithm
    variance = 1.0 / 12.0
    for axis, kernel in enumerate(kernels):
        field = filter_axis(field, kernel, axis)
        variance *= kernel[0] ** 2 + 2.0 * sum(weight**2 for weight in kernel[1:])
    inner = tuple(slice(margin, margin + size) for margin, size in zip(margins, shape, strict=True))
    return np.ascontiguousarray(field[inner] * stable(1.0 / math.sqrt(variance)))


def decaying(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return exp(-values) for values from 0 to about 40, within 1e-11, from multiplications alone."""
    step = values * (1.0 / 1024.0)
    result = 1.0 - step * (1.0 - step * (0.5 - step * (1.0 / 6.0 - step * (1.0 / 24.0))))
    for _ in range(10):
        result = result * result
    return np.asarray(result)


def on_lattice(values: Numbers, bits: int, maximum: float) -> Numbers:
    """Round in place to whole multiples of 2**-bits between 0 and `maximum`; an array of numpy's or of torch's.

    Sums of products of such numbers are exact in double precision as long as they fit its 53 bits, so that
    neither the order of a sum nor a fused multiply-add can change them.
    """
    if not isinstance(values, np.ndarray):
        values.mul_(float(2**bits)).round_().mul_(float(2.0**-bits)).clamp_(0.0, maximum)
        return values
    np.multiply(values, float(2**bits), out=values)
    np.rint(values, out=values)
    np.multiply(values, float(2.0**-bits), out=values)
    np.clip(values, 0.0, maximum, out=values)
    return values


def _cut(dimensions: int, axis: int, piece: slice) -> tuple[slice, ...]:
    return tuple(piece if index == axis else slice(None) for index in range(dimensions))
