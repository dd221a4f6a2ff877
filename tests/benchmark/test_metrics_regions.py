"""Where the error is, and what the retention index says: against numpy, organ by organ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.benchmark.cases import NAMES, SHAPE, body, case, distance_millimetres, image, labels, measured, value


def lesions() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    spots = np.zeros(SHAPE, dtype=np.int16)
    spots[18:20, 8:10, 8:10] = 1
    spots[10:12, 24:27, 8:10] = 2
    return spots


def test_errors_of_an_organ_are_those_of_its_own_voxels() -> None:
    predicted, real = image(1, 0.2), image(2)
    mae, rmse = (measured(name, case(predicted, real)) for name in ("organ_mae_suv", "organ_rmse_suv"))
    assert set(mae) == set(rmse) == {"muscle", "liver", "bladder", "kidneys", "lungs"}
    for index, name in NAMES.items():
        error = (predicted.astype(float) - real)[labels() == index]
        if len(error):
            assert mae[name].value == pytest.approx(np.abs(error).mean(), abs=1e-12)
            assert rmse[name].value == pytest.approx(np.sqrt(np.mean(error**2)), abs=1e-12)


def test_the_shares_of_the_squared_error_are_those_of_the_body_and_sum_to_all_of_it() -> None:
    predicted, real = image(1, 0.2), image(2)
    shares = measured("organ_squared_error_share", case(predicted, real))
    square = np.square(predicted.astype(float) - real)
    organs = [name for name in shares if name != "urinary_zone"]
    assert sum(shares[name].value or 0.0 for name in organs) == pytest.approx(100.0)
    zone = body() & (distance_millimetres(labels() == 3) <= 20.0)
    expected = 100.0 * square[zone].sum() / square[body()].sum()
    assert shares["urinary_zone"].value == pytest.approx(expected)
    assert shares["urinary_zone"].extra["voxel_share_percent"] == pytest.approx(100.0 * zone.sum() / body().sum())
    assert shares["bladder"].value == pytest.approx(100.0 * square[labels() == 3].sum() / square[body()].sum())


def test_a_copy_has_no_error_to_share_and_a_dataset_without_labels_no_regions() -> None:
    real = image(2)
    shares = measured("organ_squared_error_share", case(real, real))
    assert {share.reason for share in shares.values()} == {"the prediction has no error"}
    for name in ("organ_mae_suv", "organ_rmse_suv", "organ_squared_error_share", "organ_retention_index_error"):
        assert measured(name, case(real, real, labels=None, names={})) == {}


def test_organs_outside_the_body_do_not_count_and_strange_labels_do_no_harm() -> None:
    predicted, real = image(1, 0.2), image(2)
    marked = labels()
    marked[0, 0, 0] = 2  # in the air
    marked[5, 25, 25] = -7
    odd = case(predicted, real, labels=marked)
    inside = (marked == 2) & body()
    expected = np.abs(predicted.astype(float) - real)[inside].mean()
    assert value("organ_mae_suv", odd, "liver") == pytest.approx(expected, abs=1e-12)


def test_the_retention_index_error_is_that_of_plain_arithmetic_on_means() -> None:
    predicted, real, early = image(1, 0.2), image(2), image(3) * np.float32(1.7)
    rows = measured("organ_retention_index_error", case(predicted, real, early=early))
    for index in (1, 2, 3, 4, 5):
        suv1, suv2, made = (float(each[labels() == index].astype(float).mean()) for each in (early, real, predicted))
        expected = 100.0 * (made - suv1) / suv1 - 100.0 * (suv2 - suv1) / suv1
        row = rows[NAMES[index]]
        assert row.value == pytest.approx(expected, abs=1e-9)
        assert row.extra["real"] == pytest.approx(100.0 * (suv2 - suv1) / suv1)
        assert row.extra["real_ratio"] == pytest.approx(suv2 / suv1)
        assert row.extra["ratio_error_percent"] == pytest.approx(100.0 * (made / suv1 - suv2 / suv1) / (suv2 / suv1))


def test_in_percent_the_error_of_the_ratio_is_the_bias_of_the_delayed_suv() -> None:
    scored = case(image(1, 0.2), image(2), early=image(3))
    retention, bias = (measured(f"organ_{name}", scored) for name in ("retention_index_error", "suvmean_bias"))
    for organ, row in retention.items():
        assert row.extra["ratio_error_percent"] == pytest.approx(bias[organ].value)


def test_the_mean_over_organs_has_no_sign_and_leaves_bladder_and_kidneys_out() -> None:
    predicted, real, early = image(1, 0.2), image(2), image(3)
    scored = case(predicted, real, early=early)
    rows = measured("organ_retention_index_error", scored)
    expected = np.mean([abs(rows[organ].value or 0.0) for organ in ("muscle", "liver", "lungs")])
    row = measured("retention_index_error", scored)["body"]
    assert row.value == pytest.approx(float(expected))
    assert row.extra["organs"] == 3
    worst = max(("muscle", "liver", "lungs"), key=lambda organ: abs(rows[organ].value or 0.0))
    assert row.extra["worst"] == worst


def test_the_retention_index_of_a_lesion_is_of_its_maxima() -> None:
    predicted, real, early = image(1, 0.2), image(2), image(3)
    spots = lesions()
    scored = case(predicted, real, early=early, lesions=spots, lesion_names={1: "first", 2: "second"})
    rows = measured("lesion_retention_index_error", scored)
    for index, name in scored.lesion_names.items():
        suv1, suv2, made = (float(each[spots == index].max()) for each in (early, real, predicted))
        assert rows[name].value == pytest.approx(100.0 * (made - suv2) / suv1)
    assert measured("lesion_retention_index_error", case(predicted, real)) == {}


def test_an_organ_without_early_uptake_has_no_retention_index() -> None:
    early = image(3)
    early[labels() == 5] = 0.0
    scored = case(image(1, 0.2), image(2), early=early)
    row = measured("organ_retention_index_error", scored)["lungs"]
    assert (row.value, row.reason) == (None, "the early image has no uptake there")
    assert measured("retention_index_error", scored)["body"].extra["organs"] == 2
    empty = replace(scored, early=np.zeros(SHAPE, dtype=np.float32))
    assert measured("retention_index_error", empty)["body"].reason == "no labelled organ has early uptake"
