"""The blur of a scanner, found from truth and image: against scipy's Gaussian and against blurring itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from petbench.runs.scanner_blur import WIDTHS_MILLIMETRES, best_width, blur_errors, blurred

if TYPE_CHECKING:
    from petbench_datasets.images.grid import Volume

SPACING = (5.0, 4.0, 4.0)
FWHM_PER_SIGMA = 2.3548200450309493


def bodies(seed: int = 0, shape: tuple[int, int, int] = (20, 25, 26)) -> Volume:
    """Return a body of boxes of different uptake, air around it."""
    random = np.random.default_rng(seed)
    volume = np.zeros(shape, dtype=np.float32)
    volume[6:14, 8:18, 8:18] = random.gamma(2.0, 1.0, (4, 5, 5)).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    return volume


@pytest.mark.parametrize("width", [3.0, 8.0, 16.0])
def test_a_point_becomes_a_gaussian_averaged_over_each_voxel(width: float) -> None:
    point = np.zeros((33, 1, 1), dtype=np.float32)
    point[16] = 1.0
    deviation = width / FWHM_PER_SIGMA / SPACING[0]
    places = np.arange(33)[:, None] - 16 + np.linspace(-0.5, 0.5, 2001)
    density = np.exp(-0.5 * (places / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    expected = np.trapezoid(density, dx=1 / 2000, axis=1)
    found = blurred(point, width, (SPACING[0], 1e9, 1e9))[:, 0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.sum() == pytest.approx(1.0)


def test_a_wide_blur_is_that_of_scipy() -> None:
    sigma = [14.0 / FWHM_PER_SIGMA / spacing for spacing in SPACING]
    expected = ndimage.gaussian_filter(bodies().astype(float), sigma, mode="constant")
    np.testing.assert_allclose(blurred(bodies(), 14.0, SPACING), expected, atol=0.02 * bodies().max())


def test_a_width_of_nothing_leaves_the_volume_as_it_is() -> None:
    np.testing.assert_array_equal(blurred(bodies(), 0.0, SPACING), bodies())


@pytest.mark.parametrize("size", [24, 25])
def test_the_errors_of_all_widths_are_those_of_blurring_and_comparing(size: int) -> None:
    truth = np.zeros((size, size + 1, size), dtype=np.float32)
    truth[8:-8, 8:-8, 8:-8] = np.random.default_rng(1).gamma(2.0, 1.0, truth[8:-8, 8:-8, 8:-8].shape)
    image = blurred(truth, 9.0, SPACING) + np.random.default_rng(2).normal(0, 0.05, truth.shape).astype(np.float32)
    shared = float(np.sum(image.astype(float) ** 2))
    found = blur_errors(truth, image, SPACING)
    for index in (0, 9, 18, 26):
        width = float(WIDTHS_MILLIMETRES[index])
        direct = np.sum((blurred(truth, width, SPACING).astype(float) - image) ** 2) - shared
        assert found[index] == pytest.approx(direct, rel=1e-4, abs=1e-3), width


@pytest.mark.parametrize("width", [4.0, 6.0, 9.5, 14.0])
def test_the_width_that_made_the_images_is_found_through_their_noise(width: float) -> None:
    random = np.random.default_rng(5)
    errors = []
    for seed in range(4):
        truth = bodies(seed)
        image = blurred(truth, width, SPACING) + random.normal(0, 0.02, truth.shape).astype(np.float32)
        errors.append(blur_errors(truth, image, SPACING))
    assert best_width(errors) == pytest.approx(width, abs=0.5)
