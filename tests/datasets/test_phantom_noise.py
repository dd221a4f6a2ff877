"""What is said of a simulated scan's noise, on noise whose properties are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from petbench_phantom.noise import Noise, correlation_length_millimetres, mean_noise, noise_in


def _scans(sigma_voxels: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, float]:
    random = np.random.default_rng(4)
    pair = [ndimage.gaussian_filter(random.normal(size=(60, 60, 60)), sigma_voxels, mode="wrap") for _ in range(2)]
    spread = float(np.std(pair[0]))
    return *((5.0 + 0.5 * noise / spread).astype(np.float32) for noise in pair), spread


def test_blurred_white_noise_is_told_by_its_strength_and_its_blur() -> None:
    first, second, _ = _scans((1.0, 0.7, 0.7))
    found = noise_in(first, second, np.ones(first.shape, bool))
    assert found.variation == pytest.approx(0.1, rel=0.02)
    assert found.along_z == pytest.approx(math.exp(-1 / 4), abs=0.02)
    assert correlation_length_millimetres(found.along_z, 5.0) == pytest.approx(2.355 * 5.0, rel=0.05)
    assert correlation_length_millimetres(found.in_plane, 4.0) == pytest.approx(2.355 * 0.7 * 4.0, rel=0.05)


def test_white_noise_has_no_length_and_a_region_too_small_says_nothing() -> None:
    first, second, _ = _scans((0.0, 0.0, 0.0))
    assert abs(noise_in(first, second, np.ones(first.shape, bool)).along_z) < 0.02
    assert correlation_length_millimetres(-0.01, 5.0) == 0.0
    small = np.zeros(first.shape, bool)
    small[:2, :2, :2] = True
    assert math.isnan(noise_in(first, second, small).variation)


def test_a_mean_over_participants_leaves_out_those_without_a_region() -> None:
    assert mean_noise([Noise(0.1, 0.2, 0.3), Noise(math.nan, math.nan, math.nan)]) == Noise(0.1, 0.2, 0.3)
    assert math.isnan(mean_noise([Noise(math.nan, math.nan, math.nan)]).variation)
