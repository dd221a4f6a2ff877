"""Arithmetic that every machine does alike, the scan's counts, and a reconstruction that finds what was there."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_phantom.acquisition import DECAY_PER_SECOND, expected_coincidences, slice_times, survival
from petbench_phantom.fields import (
    FWHM_PER_SIGMA,
    decaying,
    gaussian,
    generator,
    on_lattice,
    running_mean,
    smooth_noise,
)
from petbench_phantom.projector import Projector
from petbench_phantom.reconstruction import osem, sensitivities
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from petbench_phantom.spec import PhantomSpec


def _spec(**changes: object) -> PhantomSpec:
    settings: dict[str, object] = {
        "shape": (12, 48, 48),
        "spacing_millimetres": (8.0, 8.0, 8.0),
        "angles": 48,
        "subsets": 6,
        "iterations": 8,
        "resolution_millimetres": 0.1,
        "filter_millimetres": 0.1,
    }
    return dataclasses.replace(PROFILES["fdg-phantom-mini"], **(settings | changes))  # type: ignore[arg-type]


def _cylinder(spec: PhantomSpec, radius_millimetres: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    middle = (np.arange(spec.shape[1]) - (spec.shape[1] - 1) / 2) * spec.spacing_millimetres[1]
    disc = middle[:, None] ** 2 + middle[None, :] ** 2 <= radius_millimetres**2
    return np.broadcast_to(disc, spec.shape).astype(np.float64)


def test_decay_without_a_logarithm_is_the_exponential() -> None:
    values = np.linspace(0, 30, 1001)
    np.testing.assert_allclose(decaying(values), np.exp(-values), rtol=1e-6, atol=1e-11)


def test_the_gaussian_is_scipys_and_keeps_what_it_blurs() -> None:
    volume = np.zeros((31, 31, 31))
    volume[15, 15, 15] = 1.0
    blurred = gaussian(volume, 12.0, (4.0, 4.0, 4.0))
    assert blurred.sum() == pytest.approx(1.0, rel=1e-8)
    # Ours is integrated over the voxels, which widens it by a voxel's own variance.
    reference = ndimage.gaussian_filter(volume, math.sqrt((12 / FWHM_PER_SIGMA / 4) ** 2 + 1 / 12), truncate=4)
    assert np.abs(blurred - reference).max() < 0.03 * reference.max()


def test_a_running_mean_is_a_box_filter() -> None:
    values = np.random.default_rng(0).random((3, 20))
    reference = ndimage.convolve1d(values, np.full(5, 0.2), axis=1, mode="constant")
    np.testing.assert_allclose(running_mean(values, 2, 1), reference, atol=1e-12)


def test_smooth_noise_has_variance_1_and_the_correlation_of_its_kernel() -> None:
    field = smooth_noise(generator(5), (60, 60, 60), (2.0, 2.0, 2.0))
    assert field.mean() == pytest.approx(0, abs=0.1)
    assert field.std() == pytest.approx(1, abs=0.05)
    neighbours = float((field[1:] * field[:-1]).mean())
    assert neighbours == pytest.approx(math.exp(-1 / (4 * 2.0**2)), abs=0.03)


def test_the_lattice_rounds_and_clips() -> None:
    values = on_lattice(np.array([-1.0, 0.3, 5.0]), 2, 4.0)
    np.testing.assert_array_equal(values, [0.0, 0.25, 4.0])


def test_each_purpose_has_random_numbers_of_its_own() -> None:
    assert generator(1, 2).random() == generator(1, 2).random()
    assert len({float(generator(1, stream).random()) for stream in range(20)}) == 20


def test_attenuation_through_the_middle_of_a_cylinder_is_that_of_its_diameter() -> None:
    spec = _spec()
    leaving = survival(spec, Projector(spec), 0.096 * _cylinder(spec, 100.0))
    rays = leaving[0][0].reshape(-1, 48, 12)
    assert float(rays[:, 23:25].mean()) == pytest.approx(math.exp(-0.096 * 20), rel=0.05)
    assert float(rays[:, 0].min()) == 1.0


def test_the_delayed_frame_has_the_trues_asked_for_and_the_early_one_its_share() -> None:
    spec = _spec(delayed_trues=1e6)
    projector = Projector(spec)
    body = _cylinder(spec, 100.0)
    leaving = survival(spec, projector, 0.096 * body)
    delayed = expected_coincidences(spec, projector, body, leaving, slice_times(spec, DEFAULT_TASK.delayed_seconds))
    early = expected_coincidences(
        spec, projector, body, leaving, slice_times(spec, DEFAULT_TASK.early_seconds), delayed.scale
    )
    assert delayed.trues == pytest.approx(1e6, rel=1e-6)
    lengths = [
        math.exp(-DECAY_PER_SECOND * start) - math.exp(-DECAY_PER_SECOND * stop)
        for start, stop in (DEFAULT_TASK.early_seconds, DEFAULT_TASK.delayed_seconds)
    ]
    assert early.trues / delayed.trues == pytest.approx(lengths[0] / lengths[1], rel=1e-6)
    total, behind = (
        sum(float(part.sum(dtype=np.float64)) for part in parts) for parts in (delayed.expected, delayed.background)
    )
    assert total - behind == pytest.approx(1e6, rel=1e-4)
    wanted = 1e6 * (spec.randoms_fraction + spec.scatter_fraction / (1 - spec.scatter_fraction))
    assert behind == pytest.approx(wanted, rel=1e-3)


def test_two_realisations_have_poisson_noise_about_the_same_mean() -> None:
    spec = _spec(delayed_trues=1e6, rebinning_millimetres=0.0)
    projector = Projector(spec)
    body = _cylinder(spec, 100.0)
    leaving, times = survival(spec, projector, 0.096 * body), slice_times(spec, DEFAULT_TASK.delayed_seconds)
    data = expected_coincidences(spec, projector, body, leaving, times)
    first, second = (np.concatenate([c.ravel() for c in data.counts(generator(1, stream))]) for stream in (1, 2))
    mean = np.concatenate([part.ravel() for part in data.expected])
    assert float(((first - mean) ** 2 / mean).mean()) == pytest.approx(1.0, abs=0.02)
    assert float(np.corrcoef(first - mean, second - mean)[0, 1]) == pytest.approx(0.0, abs=0.02)


def test_rebinning_correlates_the_noise_of_neighbouring_planes_and_keeps_the_mean() -> None:
    spec = _spec(delayed_trues=1e6, rebinning_millimetres=9.0, spacing_millimetres=(5.0, 8.0, 8.0))
    projector = Projector(spec)
    body = _cylinder(spec, 100.0)
    leaving, times = survival(spec, projector, 0.096 * body), slice_times(spec, DEFAULT_TASK.delayed_seconds)
    data = expected_coincidences(spec, projector, body, leaving, times)
    noise = [
        (counts - mean)[..., 4:-4] / np.sqrt(mean[..., 4:-4])
        for counts, mean in zip(data.counts(generator(1, 1)), data.expected, strict=True)
    ]
    kernel = np.array([*reversed(data.rebinning[1:]), *data.rebinning])
    expected = np.correlate(kernel, kernel, "full")[len(kernel) - 1 :]
    found = [np.mean([float((n[..., lag:] * n[..., : n.shape[-1] - lag]).mean()) for n in noise]) for lag in (0, 1, 2)]
    np.testing.assert_allclose(found, expected[:3], atol=0.02)
    assert kernel.sum() == pytest.approx(1.0)
    assert expected[1] / expected[0] > 0.5


@pytest.mark.parametrize("reconstruction", ["2d", "3d"])
def test_without_noise_the_reconstruction_finds_the_activity(reconstruction: str) -> None:
    spec = _spec(reconstruction=reconstruction, delayed_trues=1e7)
    projector = Projector(spec)
    body = _cylinder(spec, 120.0)
    activity = 2.0 * body + 3.0 * _cylinder(spec, 40.0)
    times = slice_times(spec, DEFAULT_TASK.delayed_seconds)
    data = expected_coincidences(spec, projector, activity, survival(spec, projector, 0.096 * body), times)
    found = osem(spec, projector, data, times, data.expected, sensitivities(projector, data))
    inner, ring = _cylinder(spec, 25.0) > 0, (_cylinder(spec, 100.0) - _cylinder(spec, 60.0)) > 0
    for mask, wanted in ((inner, 5.0), (ring, 2.0)):
        assert float(found[3:9][mask[3:9]].mean()) == pytest.approx(wanted, rel=0.02)
    assert float(found[:, 0, 24].max()) < 0.05


def test_beds_share_the_window_from_the_feet_up() -> None:
    spec = _spec(acquisition="multibed", beds=3)
    times = slice_times(spec, DEFAULT_TASK.early_seconds)
    assert times.start[0] == 420.0
    assert times.stop[-1] == 1260.0
    assert sorted(set(zip(times.start, times.stop, strict=True))) == [(420.0, 700.0), (700.0, 980.0), (980.0, 1260.0)]
    down = slice_times(dataclasses.replace(spec, feet_first=False), DEFAULT_TASK.early_seconds)
    assert down.start == times.start[::-1]
