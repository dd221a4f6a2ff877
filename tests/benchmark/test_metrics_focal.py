"""Focal uptake against a plain count, and on a simulated participant whose early image hallucinates nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage
from tests.benchmark.cases import GRID, SHAPE, body, case, distance_millimetres, image, labels, measured, value

from petbench.evaluation.metrics.focal import focal_of
from petbench.metric_spec import Case
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

MILLILITRES = GRID.voxel_millilitres


def focal_by_hand(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the focal voxels by the definition, organ by organ and voxel by voxel; regions are not looked at."""
    inside = body() & (distance_millimetres(labels() == 3) > 20.0)
    values = picture.astype(float)
    level, spread = np.zeros(SHAPE), np.zeros(SHAPE)
    for index in np.unique(labels()[inside]):
        organ = (labels() == index) & inside
        middle = float(np.median(values[organ]))
        deviation = 1.4826 * float(np.median(np.abs(values[organ] - middle)))
        near = distance_millimetres(organ) <= 25.0
        level[near] = np.maximum(level[near], middle)
        spread[near] = np.maximum(spread[near], deviation)
    excess = values - level
    return np.asarray(inside & (excess > 0.5 * level) & (excess > 4.0 * spread) & (excess > 0.5))


def spot(picture: NDArray[np.float32], centre: tuple[int, int, int], radius: int, level: float) -> NDArray[np.float32]:
    made = picture.copy()
    box = tuple(slice(place - radius, place + radius + 1) for place in centre)
    made[box] = level
    return made


@pytest.mark.slow
def test_focal_regions_are_those_of_the_definition_from_one_millilitre_on() -> None:
    picture = spot(spot(image(1), (20, 8, 8), 1, 9.0), (10, 26, 8), 1, 4.0)  # 27 voxels of 0.08 mL each
    picture[10, 8, 24] = 5.0  # a single voxel: less than 1 mL
    expected, count = ndimage.label(focal_by_hand(picture), structure=ndimage.generate_binary_structure(3, 2))
    large = [number for number in range(1, count + 1) if (expected == number).sum() * MILLILITRES >= 1.0]
    found = focal_of(case(picture, image(2))).predicted
    assert (found.count, len(large)) == (2, 2)
    np.testing.assert_array_equal(found.numbers > 0, np.isin(expected, large))


def test_invented_uptake_is_hallucinated_and_vanished_uptake_missed_wherever_it_is() -> None:
    real = spot(image(2), (20, 8, 8), 1, 9.0)  # in the liver
    predicted = spot(image(1), (10, 26, 8), 1, 3.0)  # in muscle, below SUV 4
    scored = case(predicted, real)
    assert value("hallucinated_volume", scored) == pytest.approx(27 * MILLILITRES)
    assert value("missed_volume", scored) == pytest.approx(27 * MILLILITRES)
    assert measured("hallucinated_volume", scored)["body"].extra["regions"] == 1
    assert value("hallucinated_volume", case(real, real)) == value("missed_volume", case(real, real)) == 0.0


def test_a_whole_organ_that_is_too_hot_is_no_hallucination_as_it_is_above_a_fixed_threshold() -> None:
    real, predicted = image(2), image(1)
    predicted[labels() == 2] *= 2.0
    assert value("unmatched_hot_volume", case(predicted, real)) > 50.0
    assert value("hallucinated_volume", case(predicted, real)) == 0.0


def test_blur_from_a_hot_organ_and_whatever_the_bladder_does_is_no_hallucination() -> None:
    real, predicted = image(2), image(1)
    around = distance_millimetres(labels() == 4)
    predicted[(around > 0) & (around <= 10.0)] += 1.5  # the kidneys spill into muscle
    predicted[distance_millimetres(labels() == 3) <= 20.0] = 50.0
    assert value("hallucinated_volume", case(predicted, real)) == 0.0


def test_a_region_that_touches_real_focal_uptake_is_none_of_both() -> None:
    real = spot(image(2), (20, 8, 8), 1, 9.0)
    predicted = spot(image(1), (20, 10, 8), 1, 9.0)
    scored = case(predicted, real)
    assert value("hallucinated_volume", scored) == value("missed_volume", scored) == 0.0


def test_without_labels_there_is_no_local_level_and_the_fixed_threshold_is_still_there() -> None:
    bare = case(image(1), image(2), labels=None, names={})
    for name in ("hallucinated_volume", "missed_volume"):
        assert measured(name, bare)["body"].reason == "the dataset has no organ labels"
    assert value("unmatched_hot_volume", bare) == 0.0


def test_what_is_kept_of_one_body_is_not_used_for_another() -> None:
    predicted = spot(image(1), (10, 26, 8), 1, 3.0)
    scored = case(predicted, image(2))
    assert value("hallucinated_volume", scored) > 0.0
    smaller = body()
    smaller[:, 20:] = False
    assert value("hallucinated_volume", replace(scored, body=smaller)) == 0.0


@pytest.mark.slow
def test_the_early_image_of_the_mini_datasets_test_participant_hallucinates_neither_liver_nor_blood() -> None:
    from petbench_phantom.organs import ORGANS
    from petbench_phantom.participant import simulate
    from petbench_phantom.population import population
    from petbench_phantom.spec import PROFILES

    spec = PROFILES["fdg-phantom-mini"]
    images = simulate(spec, population(spec)[5], lambda _part: None)
    early, delayed = (each.astype(np.float32) for each in (images.early, images.delayed))
    names = {organ.label: organ.name for organ in ORGANS}
    grid = Grid.regular(spec.shape, spec.spacing_millimetres)
    scored = Case("sub-06", early, delayed, early, images.body, grid, images.labels, names)
    assert value("hallucinated_volume", scored) < 20.0
    focal = focal_of(scored).predicted.numbers > 0
    normal = [index for index, name in names.items() if name in {"liver", "heart_blood", "aorta", "vena_cava"}]
    assert not (focal & np.isin(images.labels, normal)).any()
