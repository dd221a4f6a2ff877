"""Lesions found, false positives, SUVmax and TLG: counted by hand, and over participants by contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.benchmark.cases import GRID, SHAPE, case, image, labels, measured, value

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.label_names import merged, numbered
from petbench.evaluation.lesion_detection import ALL, contrast_bin, detection_scores
from petbench.evaluation.scoring import measure
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.metric_spec import Case
    from petbench_leaderboard.score_records import ScoreRecord

PLACES = {1: (20, 8, 8), 2: (10, 26, 8), 3: (10, 26, 24)}  # in the liver, in muscle, in muscle
LESION_NAMES = {1: "hot_liver", 2: "hot_muscle", 3: "faint_muscle"}


def lesions() -> NDArray[np.int16]:
    marks = np.zeros(SHAPE, dtype=np.int16)
    for number, place in PLACES.items():
        marks[around(place)] = number
    return marks


def around(place: tuple[int, int, int], reach: int = 1) -> tuple[slice, ...]:
    return tuple(slice(index - reach, index + reach + 1) for index in place)


def with_uptake(picture: NDArray[np.float32], *levels: float) -> NDArray[np.float32]:
    made = picture.copy()
    for place, level in zip(PLACES.values(), levels, strict=True):
        made[around(place)] = level
    return made


def scored(predicted: NDArray[np.float32], real: NDArray[np.float32], **changes: Any) -> Case:
    return case(predicted, real, **{"lesions": lesions(), "lesion_names": LESION_NAMES} | changes)


def records(one: Case) -> list[ScoreRecord]:
    names = ("lesion_found", "lesion_false_positives", "lesion_sensitivity")
    return [row for spec in builtin_metrics() if spec.name in names for row in measure(spec, one)]


def test_a_lesion_is_found_where_the_prediction_has_focal_uptake_in_it() -> None:
    real = with_uptake(image(2), 9.0, 4.0, 1.0)
    rows = measured("lesion_found", scored(with_uptake(image(1), 9.0, 0.8, 1.0), real))
    assert {name: row.value for name, row in rows.items()} == {"hot_liver": 1.0, "hot_muscle": 0.0, "faint_muscle": 0.0}
    in_real = {name: row.extra["found_in_real"] for name, row in rows.items()}
    assert in_real == {"hot_liver": True, "hot_muscle": True, "faint_muscle": False}


def test_the_contrast_is_the_maximum_over_the_mean_of_twenty_millimetres_around() -> None:
    real = with_uptake(image(2), 9.0, 4.0, 1.0)
    row = measured("lesion_found", scored(image(1), real))["hot_muscle"]
    z, y, x = np.indices(SHAPE)
    inside = lesions() == 2
    nearest = np.full(SHAPE, np.inf)
    for a, b, c in np.argwhere(inside):
        nearest = np.minimum(nearest, np.sqrt((5.0 * (z - a)) ** 2 + (4.0 * (y - b)) ** 2 + (4.0 * (x - c)) ** 2))
    shell = (nearest > 0) & (nearest <= 20.0) & (lesions() == 0) & (labels() > 0)
    assert row.extra["contrast"] == pytest.approx(4.0 / real[shell].astype(float).mean(), rel=1e-6)
    assert row.extra["predicted_contrast"] == pytest.approx(image(1)[inside].max() / image(1)[shell].mean(), rel=1e-5)


def test_sensitivity_is_a_participants_share_and_says_what_the_real_image_shows() -> None:
    real = with_uptake(image(2), 9.0, 4.0, 1.0)
    row = measured("lesion_sensitivity", scored(with_uptake(image(1), 9.0, 0.8, 1.0), real))["body"]
    assert row.value == pytest.approx(100.0 / 3.0)
    assert row.extra == {"lesions": 3, "real_percent": pytest.approx(200.0 / 3.0)}
    none = np.zeros(SHAPE, dtype=np.int16)
    bare = scored(image(1), real, lesions=none)
    assert measured("lesion_sensitivity", bare)["body"].reason == "no lesion is labelled"
    assert measured("lesion_sensitivity", case(image(1), real)) == {}
    unlabelled = scored(image(1), real, labels=None, names={})
    assert measured("lesion_sensitivity", unlabelled)["body"].reason == "the dataset has no organ labels"


def test_false_positives_are_focal_regions_that_are_neither_lesions_nor_real() -> None:
    real = with_uptake(image(2), 9.0, 4.0, 1.0)
    real[around((6, 6, 8))] = 4.0  # focal and no lesion: real all the same
    predicted = with_uptake(image(1), 9.0, 4.0, 5.0)  # shows a lesion that the real image does not show
    predicted[around((6, 6, 8))] = 4.0
    assert value("lesion_false_positives", scored(predicted, real)) == 0.0
    predicted[around((26, 8, 20))] = 3.0
    predicted[around((8, 8, 26))] = 2.5
    row = measured("lesion_false_positives", scored(predicted, real))["body"]
    assert row.value == 2.0
    assert isinstance(row.extra["contrasts"], list)
    assert sorted(row.extra["contrasts"]) == [pytest.approx(2.5 / 0.8, rel=0.05), pytest.approx(3.0 / 0.8, rel=0.05)]
    assert measured("lesion_false_positives", case(predicted, real)) == {}


def test_suvmax_and_tlg_of_a_lesion_are_plain_arithmetic() -> None:
    real, predicted = with_uptake(image(2), 9.0, 4.0, 1.0), with_uptake(image(1), 9.9, 3.0, 1.0)
    predicted[20, 8, 8] = 3.0  # below 41 % of the lesion's own maximum
    one = scored(predicted, real)
    assert value("lesion_suvmax_bias", one, "hot_liver") == pytest.approx(10.0, rel=1e-5)
    assert value("lesion_suvmax_bias", one, "hot_muscle") == pytest.approx(-25.0, rel=1e-5)
    volume = GRID.voxel_millilitres
    expected = 100.0 * (26 * 9.9 * volume - 27 * 9.0 * volume) / (27 * 9.0 * volume)
    assert value("lesion_tlg_bias", one, "hot_liver") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("contrast", "name"),
    [(0.3, "contrast below 1.5"), (1.5, "contrast 1.5 to 2"), (2.9, "contrast 2 to 3"), (3.0, "contrast from 3")],
)
def test_a_contrast_has_one_bin(contrast: float, name: str) -> None:
    assert contrast_bin(contrast) == name


def test_over_all_participants_lesions_are_counted_by_contrast_and_false_positives_by_participant() -> None:
    real = with_uptake(image(2), 9.0, 4.0, 1.0)  # contrasts near 3.6, 5 and 1.25
    good, blind = with_uptake(image(1), 9.0, 4.0, 0.8), image(3)
    blind[around((26, 8, 20))] = 3.0
    rows = detection_scores(
        [row for predicted in (good, blind) for row in records(scored(predicted, real))], DEFAULT_TASK
    )
    found = {row.region: row for row in rows if row.metric == "lesion_sensitivity_by_contrast"}
    assert found[ALL].value == pytest.approx(100.0 * 2 / 6)
    assert found["contrast from 3"].value == pytest.approx(50.0)
    assert found["contrast from 3"].extra == {"lesions": 4, "participants": 1, "real_percent": 100.0}
    assert found["contrast below 1.5"].value == 0.0
    assert found["contrast below 1.5"].extra["real_percent"] == 0.0
    assert "contrast 2 to 3" not in found  # there is none of it
    false = {row.region: row.value for row in rows if row.metric == "lesion_false_positives_by_contrast"}
    assert false[ALL] == false["contrast from 3"] == 0.5
    assert false["contrast below 1.5"] == 0.0


def test_a_dataset_without_lesions_has_no_such_rows_and_one_that_cannot_be_scored_says_why() -> None:
    assert detection_scores(records(case(image(1), image(2))), DEFAULT_TASK) == []
    unlabelled = records(scored(image(1), image(2), labels=None, names={}))
    assert {row.reason for row in detection_scores(unlabelled, DEFAULT_TASK)} == {"the dataset has no organ labels"}


def test_two_lesions_of_one_name_are_two_and_two_labels_of_one_organ_are_one() -> None:
    assert numbered({2: "low_liver", 1: "low_liver", 3: "high_lungs"}) == {
        1: "low_liver-1",
        2: "low_liver-2",
        3: "high_lungs",
    }
    marks, names = merged(np.array([[[1, 2, 3]]], dtype=np.int16), {1: "kidney", 2: "liver", 3: "kidney"})
    assert marks.tolist() == [[[1, 2, 1]]]
    assert names == {1: "kidney", 2: "liver"}
    same = labels()
    assert merged(same, {1: "muscle"})[0] is same
