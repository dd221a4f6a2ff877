"""Organs, lesions and texture against closed forms and independent counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.metrics.hot_volume import unmatched_hot_millilitres
from petbench.evaluation.metrics.lesions import background_shell, contrast_recovery_percent, detected_millilitres
from petbench.evaluation.metrics.organs import bias_percent
from petbench.evaluation.metrics.texture import (
    noise_power_ratio,
    variation_ratio,
    z_flicker_ratio,
    z_gradient_ratio,
)
from petbench.evaluation.metrics.uptake import organ_uptake, sphere_weights
from petbench.metric_spec import Case, Measurement
from petbench_datasets.images.grid import Grid
from petbench_leaderboard.statistics.agreement import bland_altman

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (20, 24, 22)
SPACING = (5.0, 4.0, 4.0)
GRID = Grid.regular(SHAPE, SPACING)


def noisy(seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(9.0, 0.2, SHAPE).astype(np.float32)


def box(*ranges: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(*edges) for edges in ranges)] = True
    return mask


def case(predicted: NDArray[np.float32], delayed: NDArray[np.float32], lesions: bool = True) -> Case:
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[3:9, 4:12, 4:12] = 1
    labels[12:15, 4:12, 4:12] = 7
    spots = np.zeros(SHAPE, dtype=np.int16)
    spots[16:18, 15:18, 15:18] = 1
    return Case(
        participant="sub-01",
        predicted=predicted,
        delayed=delayed,
        early=delayed,
        body=box((1, 19), (1, 23), (1, 21)),
        grid=GRID,
        labels=labels,
        names={1: "liver", 7: "bladder", 9: "absent"},
        lesions=spots if lesions else None,
        lesion_names={1: "lesion-1"} if lesions else {},
    )


def measured(name: str, scored: Case) -> dict[str, Measurement]:
    spec = next(spec for spec in builtin_metrics() if spec.name == name)
    return {measurement.region: measurement for measurement in spec.measure(scored)}


def test_organ_uptake_equals_plain_counting() -> None:
    volume = noisy()
    labels = case(volume, volume).labels
    assert labels is not None
    found = organ_uptake(volume, labels, {1: "liver", 7: "bladder", 9: "absent"}, SPACING)
    assert set(found) == {"liver", "bladder"}
    organ = volume[labels == 1].astype(float)
    assert found["liver"].mean == pytest.approx(organ.mean())
    assert found["liver"].maximum == organ.max()
    core = organ[organ >= 0.41 * organ.max()]
    assert found["liver"].lesion_glycolysis == pytest.approx(core.mean() * len(core) * 0.08)


def test_suvpeak_is_the_largest_mean_over_one_millilitre() -> None:
    volume = noisy()
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[8:12, 10:14, 9:13] = 1
    fine = 12  # an independent count, on a finer grid of points and voxel by voxel
    offsets = (np.arange(fine) + 0.5) / fine - 0.5
    best = 0.0
    for centre in np.argwhere(labels == 1):
        total = weight = 0.0
        for z in range(-2, 3):
            for y in range(-2, 3):
                for x in range(-2, 3):
                    dz, dy, dx = ((step + offsets) * size for step, size in zip((z, y, x), SPACING, strict=True))
                    square = dz[:, None, None] ** 2 + dy[None, :, None] ** 2 + dx[None, None, :] ** 2
                    part = float((square <= (750.0 / np.pi) ** (2 / 3)).mean())
                    total += part * float(volume[centre[0] + z, centre[1] + y, centre[2] + x])
                    weight += part
        best = max(best, total / weight)
    assert organ_uptake(volume, labels, {1: "organ"}, SPACING)["organ"].peak == pytest.approx(best, rel=0.01)


def test_the_sphere_of_one_millilitre_has_the_right_volume_and_shrinks_to_a_large_voxel() -> None:
    weights = sphere_weights((1.0, 1.0, 1.0))
    assert weights.sum() == pytest.approx(1.0)
    assert 1.0 / weights.max() == pytest.approx(1000.0, rel=0.01)  # voxels of 1 mm³, the middle one wholly inside
    assert sphere_weights((20.0, 13.0, 13.0)).shape == (1, 1, 1)


def test_bias_is_positive_where_the_prediction_is_too_hot() -> None:
    real = noisy()
    rows = measured("organ_suvmean_bias", case(real * np.float32(1.2), real))
    assert set(rows) == {"liver", "bladder"}
    assert rows["liver"].value == pytest.approx(20.0, rel=1e-5)
    assert rows["liver"].extra["within_test_retest"] is False
    cold = measured("organ_suvmax_bias", case(real * np.float32(0.95), real))["liver"]
    assert cold.value == pytest.approx(-5.0, rel=1e-5)
    assert cold.extra["within_test_retest"] is True
    assert bias_percent(3.0, 2.0) == 50.0
    with pytest.raises(ValueError, match="above 0"):
        bias_percent(1.0, 0.0)


def test_the_mean_organ_error_has_no_sign_and_leaves_the_bladder_out() -> None:
    real = noisy()
    predicted = real.copy()
    predicted[3:9] *= np.float32(0.9)
    predicted[12:15] *= np.float32(3.0)
    row = measured("organ_suvmean_error", case(predicted, real))["body"]
    assert row.value == pytest.approx(10.0, rel=1e-5)
    assert row.extra["worst"] == "liver"


def test_bland_altman_gives_its_limits_and_none_for_one_participant() -> None:
    agreement = bland_altman([-4.0, 2.0, 8.0])
    assert (agreement.mean, agreement.standard_deviation) == (2.0, 6.0)
    assert (agreement.low, agreement.high) == pytest.approx((2.0 - 11.76, 2.0 + 11.76))
    assert bland_altman([3.0]).low is None
    with pytest.raises(ValueError, match="at least one participant"):
        bland_altman([])


def test_contrast_recovery_is_a_hundred_for_a_copy_and_half_for_half_the_contrast() -> None:
    real = np.ones(SHAPE, dtype=np.float32)
    lesion = box((8, 10), (10, 13), (10, 13))
    real[lesion] = 5.0
    shell = background_shell(lesion, ~lesion, SPACING)
    half = real.copy()
    half[lesion] = 3.0
    assert contrast_recovery_percent(real, real, lesion, shell) == pytest.approx(100.0)
    assert contrast_recovery_percent(half, real, lesion, shell) == pytest.approx(50.0)
    assert contrast_recovery_percent(2 * half, real, lesion, shell) == pytest.approx(50.0)  # blind to a common factor
    with pytest.raises(ValueError, match="too small to be recovered"):
        contrast_recovery_percent(real, np.ones_like(real), lesion, shell)
    with pytest.raises(ValueError, match="no background"):
        contrast_recovery_percent(real, real, lesion, np.zeros_like(lesion))


def test_the_background_shell_is_within_twenty_millimetres_and_in_the_allowed_part() -> None:
    lesion = box((10, 11), (12, 13), (11, 12))
    allowed = box((0, 12), (0, 24), (0, 22))
    shell = background_shell(lesion, allowed, SPACING)
    z, y, x = np.indices(SHAPE)
    distance = np.sqrt(((z - 10) * 5.0) ** 2 + ((y - 12) * 4.0) ** 2 + ((x - 11) * 4.0) ** 2)
    np.testing.assert_array_equal(shell, (distance > 0) & (distance <= 20.0) & allowed)


def test_detected_volume_counts_the_real_core_that_the_prediction_shows() -> None:
    real = np.ones(SHAPE, dtype=np.float32)
    lesion = box((8, 12), (10, 13), (10, 13))
    real[lesion] = 10.0
    predicted = real.copy()
    predicted[8:10] = 4.0  # below 41 % of 10
    found, there = detected_millilitres(predicted, real, lesion, 0.08, 41.0)
    assert found == pytest.approx(18 * 0.08)
    assert there == pytest.approx(36 * 0.08)


def test_unmatched_and_lost_hot_volume_are_regions_without_any_overlap() -> None:
    body = np.ones(SHAPE, dtype=bool)
    real = np.ones(SHAPE, dtype=np.float32)
    predicted = real.copy()
    real[2:4, 2:4, 2:4] = 6.0
    predicted[3:6, 3:6, 3:6] = 6.0  # touches the real one: not invented
    predicted[12:14, 10:12, 10:12] = 4.0  # invented, exactly at the threshold
    real[17, 20, 20] = 9.0  # missed
    real[18, 21, 20] = 9.0  # over an edge: the same region
    assert unmatched_hot_millilitres(predicted, real, body, 0.5, 4.0) == pytest.approx(8 * 0.5)
    assert unmatched_hot_millilitres(real, predicted, body, 0.5, 4.0) == pytest.approx(2 * 0.5)
    body[17:19] = False
    assert unmatched_hot_millilitres(real, predicted, body, 0.5, 4.0) == 0.0


def test_a_lesion_row_says_what_was_recovered_and_a_dataset_without_lesions_has_none() -> None:
    real = np.ones(SHAPE, dtype=np.float32)
    real[16:18, 15:18, 15:18] = 6.0
    predicted = np.ones(SHAPE, dtype=np.float32)
    assert measured("lesion_contrast_recovery", case(predicted, real))["lesion-1"].value == pytest.approx(0.0, abs=1e-6)
    assert measured("lesion_detected_volume", case(predicted, real))["lesion-1"].value == 0.0
    assert measured("lost_hot_volume", case(predicted, real))["body"].value == pytest.approx(18 * 0.08)
    assert measured("lesion_contrast_recovery", case(predicted, real, lesions=False)) == {}


def test_texture_ratios_are_one_for_a_copy_and_scale_with_the_noise() -> None:
    body = box((1, 19), (1, 23), (1, 21))
    noise = np.random.default_rng(5).standard_normal(SHAPE)
    real, rough = 5.0 + 0.1 * noise, 5.0 + 0.3 * noise
    for ratio in (z_gradient_ratio, z_flicker_ratio, noise_power_ratio, variation_ratio):
        assert ratio(real, real, body) == pytest.approx(1.0)
    assert z_gradient_ratio(rough, real, body) == pytest.approx(3.0)
    assert z_flicker_ratio(rough, real, body) == pytest.approx(3.0)
    assert noise_power_ratio(rough, real, body) == pytest.approx(9.0, rel=1e-9)
    assert variation_ratio(rough, real, body) == pytest.approx(3.0, rel=0.02)
    with pytest.raises(ValueError, match="does not vary"):
        z_gradient_ratio(real, np.ones(SHAPE), body)


def test_flicker_from_slice_to_slice_is_seen_and_blur_in_the_plane_is_seen() -> None:
    from scipy import ndimage

    body = box((1, 19), (1, 23), (1, 21))
    real = noisy().astype(float)
    flicker = real + 0.2 * (np.arange(SHAPE[0]) % 2)[:, None, None]
    assert z_flicker_ratio(flicker, real, body) > 3.0
    assert noise_power_ratio(flicker, real, body) == pytest.approx(1.0, rel=0.02)
    blurred = ndimage.gaussian_filter(real, (0.0, 1.0, 1.0))
    assert noise_power_ratio(blurred, real, body) < 0.1


def test_the_noise_power_is_that_of_a_full_spectrum() -> None:
    body = np.ones(SHAPE, dtype=bool)
    real, predicted = noisy(1).astype(float), noisy(2).astype(float)
    y, x = np.fft.fftfreq(SHAPE[1])[:, None], np.fft.fftfreq(SHAPE[2])[None, :]
    ring = np.hypot(y, x) >= 0.25
    powers = [
        float(sum((np.abs(np.fft.fft2(image)) ** 2)[ring].sum() for image in volume)) for volume in (predicted, real)
    ]
    assert noise_power_ratio(predicted, real, body) == pytest.approx(powers[0] / powers[1], rel=1e-9)


def test_the_liver_row_needs_a_liver() -> None:
    real = noisy()
    assert measured("liver_variation_ratio", case(real, real))["liver"].value == pytest.approx(1.0)
    bare = Case("sub-01", real, real, real, box((1, 19), (1, 23), (1, 21)), GRID)
    assert measured("liver_variation_ratio", bare)["liver"].reason == "the dataset has no label called liver"
    assert measured("organ_suvmean_error", bare)["body"].reason == "the dataset has no organ labels"
    assert measured("organ_suvmean_bias", bare) == {}
