"""Whole-image metrics without the urinary tract: against independent code on the voxels that remain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from skimage import metrics as untyped_metrics
from tests.benchmark.cases import body, case, distance_millimetres, image, labels, measured, value

from petbench.evaluation.catalogue import WHOLE_IMAGE, builtin_metrics
from petbench.evaluation.metrics.urinary import without_urinary_tract
from petbench_leaderboard.run_groups import REGIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.metric_spec import Case

skimage_metrics: Any = untyped_metrics
VARIANTS = [spec.name + "_no_urinary" for spec in WHOLE_IMAGE]


def rest() -> NDArray[np.bool_]:
    """Return the body without the bladder and 20 mm around it."""
    return np.asarray(body() & (distance_millimetres(labels() == 3) > 20.0))


def pair() -> tuple[NDArray[np.float64], NDArray[np.float64], Case]:
    predicted, real = image(1, 0.2), image(2)
    return predicted.astype(float), real.astype(float), case(predicted, real)


def test_every_metric_of_the_whole_image_has_a_variant_with_its_own_name_convention_and_region() -> None:
    specs = {spec.name: spec for spec in builtin_metrics()}
    assert {name for name in specs if name.endswith("_no_urinary")} == set(VARIANTS)
    assert {"psnr_body_suv20", "mae_body_suv", "rmse_body_suv", "nmae_body", "ssim_body_suv20"} <= {
        spec.name for spec in WHOLE_IMAGE
    }
    for spec in WHOLE_IMAGE:
        variant = specs[spec.name + "_no_urinary"]
        assert variant.region == f"{spec.region}-no-urinary"
        assert variant.region in REGIONS
        assert variant.convention_id == f"no-urinary-20mm@1/{spec.convention_id}"
        assert (variant.unit, variant.higher_is_better) == (spec.unit, spec.higher_is_better)
        assert set(measured(variant.name, pair()[2])) == {variant.region}
    shown = {name for name in VARIANTS if specs[name].shown}
    assert shown == {"psnr_body_suv20_no_urinary", "mae_body_suv_no_urinary"}


def test_errors_are_those_of_numpy_and_scikit_image_on_the_remaining_voxels() -> None:
    predicted, real, scored = pair()
    error = (predicted - real)[rest()]
    region = "body-no-urinary"
    assert value("mae_body_suv_no_urinary", scored, region) == pytest.approx(np.mean(np.abs(error)), abs=1e-9)
    assert value("rmse_body_suv_no_urinary", scored, region) == pytest.approx(np.sqrt(np.mean(error**2)), abs=1e-9)
    nmae = np.abs(error).sum() / np.abs(real[rest()]).sum()
    assert value("nmae_body_no_urinary", scored, region) == pytest.approx(nmae, abs=1e-9)
    psnr = skimage_metrics.peak_signal_noise_ratio(
        real[rest()].clip(0, 20), predicted[rest()].clip(0, 20), data_range=20
    )
    assert value("psnr_body_suv20_no_urinary", scored, region) == pytest.approx(psnr, abs=1e-7)


def test_metrics_of_the_field_of_view_see_the_urinary_tract_as_air() -> None:
    predicted, real, scored = pair()
    zone = distance_millimetres(labels() == 3) <= 20.0
    p, r = np.where(zone, 0.0, predicted), np.where(zone, 0.0, real)
    peak = r.max()
    assert peak < real.max() / 2  # the bladder was the hottest
    expected = skimage_metrics.peak_signal_noise_ratio(r, p, data_range=peak)
    assert value("psnr_volume_max_no_urinary", scored, "volume-no-urinary") == pytest.approx(expected, abs=1e-7)
    nrmse = skimage_metrics.normalized_root_mse(r, p, normalization="min-max")
    assert value("nrmse_volume_range_no_urinary", scored, "volume-no-urinary") == pytest.approx(nrmse, abs=1e-9)


def test_ssim_is_that_of_scikit_image_with_both_images_blank_there() -> None:
    predicted, real, scored = pair()
    zone = distance_millimetres(labels() == 3) <= 20.0
    _, whole = skimage_metrics.structural_similarity(
        np.where(zone, 0.0, real).clip(0, 20),
        np.where(zone, 0.0, predicted).clip(0, 20),
        data_range=20.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    expected = float(whole[rest()].mean())
    assert value("ssim_body_suv20_no_urinary", scored, "body-no-urinary") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", VARIANTS)
def test_whatever_the_bladder_holds_changes_nothing(name: str) -> None:
    _, _, scored = pair()
    zone = distance_millimetres(labels() == 3) <= 20.0
    other = scored.predicted.copy()
    other[zone] = np.random.default_rng(5).gamma(2.0, 20.0, int(zone.sum()))
    ((first,), (second,)) = (measured(name, each).values() for each in (scored, replace(scored, predicted=other)))
    assert first.value is not None
    assert first.value == second.value


def test_the_kidneys_stay_in_and_the_collecting_system_goes() -> None:
    _, _, scored = pair()
    assert without_urinary_tract(scored).body[labels() == 4].all()
    marked = labels()
    marked[16:18, 20:22, 20:22] = 7
    named = replace(scored, labels=marked, names=dict(scored.names) | {7: "renal_pelvis"})
    assert not without_urinary_tract(named).body[marked == 7].any()
    expected = body() & (distance_millimetres((marked == 7) | (marked == 3)) > 20.0)
    np.testing.assert_array_equal(without_urinary_tract(named).body, expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": None, "names": {}}, "the dataset has no organ labels"),
        ({"names": {1: "muscle", 2: "liver", 4: "kidneys"}}, "no voxel is labelled bladder"),
        ({"labels": np.where(labels() == 3, 1, labels()).astype(np.int16)}, "no voxel is labelled bladder"),
    ],
)
def test_where_no_bladder_is_labelled_there_is_no_value_and_the_reason(changes: dict[str, Any], reason: str) -> None:
    scored = replace(pair()[2], **changes)
    for name in VARIANTS:
        (measurement,) = measured(name, scored).values()
        assert (measurement.value, measurement.reason) == (None, reason)
    assert value("mae_body_suv", scored) > 0.0
