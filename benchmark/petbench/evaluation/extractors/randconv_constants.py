"""How the baked constants of randconv-960 were made: `python -m petbench.evaluation.extractors.randconv_constants`.

The centre and the scale of a feature are its mean and its standard deviation over synthetic slices that look like a
body in FDG PET: an ellipse of background, hotter and colder ellipses in it, blurred, with noise. A scale is at least a
tenth of the median of its group (stage and statistic), so that a channel that hardly varies is not blown up. They are
constants of the protocol; this module is their provenance and is not used in scoring.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from petbench.evaluation.extractors.random_convolution import CHANNELS, generate_kernels, raw_features
from petbench.evaluation.protocol import SLICE_LEVELS, SLICE_WINDOW_SUV

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLICES = 96
MATRIX = 128
_SEED = 20151205
_FLOOR = 0.1


def synthetic_slices() -> NDArray[np.uint8]:
    """Return slices of shape (96, 128, 128): blurred ellipses of uptake with noise, in the protocol's window."""
    generator = np.random.Generator(np.random.Philox(_SEED))
    y, x = np.mgrid[:MATRIX, :MATRIX].astype(np.float64)
    slices = np.zeros((SLICES, MATRIX, MATRIX))
    for image in slices:
        centre, radii = generator.uniform(58, 70, 2), generator.uniform([10, 14], [26, 40])
        body = _ellipse(y, x, centre, radii)
        image[body] = generator.uniform(0.3, 1.2)
        for _ in range(generator.integers(2, 9)):
            inside = centre + generator.uniform(-0.7, 0.7, 2) * radii
            organ = _ellipse(y, x, inside, generator.uniform(1.5, 10.0, 2)) & body
            image[organ] = np.exp(generator.uniform(np.log(0.1), np.log(12.0)))
        image[:] = ndimage.gaussian_filter(image, generator.uniform(0.5, 1.2))
        noise = ndimage.gaussian_filter(generator.standard_normal(image.shape), 0.7)
        image[:] += 0.3 * np.sqrt(image) * noise
    low, high = SLICE_WINDOW_SUV
    unit = (np.clip(slices, low, high) - low) / (high - low)
    return np.rint(unit * SLICE_LEVELS).astype(np.uint8)


def compute_constants() -> dict[str, list[float]]:
    """Return `centre` and `scale`, 960 numbers each, rounded to four digits."""
    kernels = [torch.from_numpy(kernel) for kernel in generate_kernels()]
    features = raw_features(synthetic_slices(), kernels)
    spread = features.std(axis=0)
    start = 0
    for channels in CHANNELS:
        for _ in ("mean", "standard deviation"):
            group = spread[start : start + channels]
            group[:] = np.maximum(group, _FLOOR * np.median(group))
            start += channels
    return {
        name: [float(f"{value:.4g}") for value in values]
        for name, values in (("centre", features.mean(axis=0)), ("scale", spread))
    }


def _ellipse(
    y: NDArray[np.float64], x: NDArray[np.float64], centre: NDArray[np.float64], radii: NDArray[np.float64]
) -> NDArray[np.bool_]:
    return np.asarray(((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 <= 1.0)


if __name__ == "__main__":
    json.dump(compute_constants(), sys.stdout)
