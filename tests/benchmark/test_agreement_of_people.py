"""Sessions and lesions of one person are no independent values: intervals and tests of agreement are over people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.test_agreement import PREDICTED, REAL, bias, rows

from petbench.evaluation.distribution import Floor, _by_person
from petbench.evaluation.lesion_detection import ALL, detection_scores
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.statistics.agreement import NORMAL, bland_altman, concordance, proportional_bias
from petbench_leaderboard.statistics.clusters import jackknife_error, one_difference_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE = list("aabccccde")
DIFFERENCES = [1.0, 1.4, -0.3, 0.2, 0.1, 0.6, -0.2, 2.0, 0.9]


def test_with_one_value_a_person_nothing_changes() -> None:
    names = list("abcdefgh")
    differences = [p - r for p, r in zip(PREDICTED, REAL, strict=True)]
    assert bland_altman(differences, names) == bland_altman(differences)
    assert concordance(PREDICTED, REAL, names) == concordance(PREDICTED, REAL)
    assert proportional_bias(PREDICTED, REAL, names) == proportional_bias(PREDICTED, REAL)


def test_the_spread_of_one_difference_is_that_of_the_variance_components() -> None:
    """Balanced, it is the classical analysis of variance: between = (MSB - MSW) / m, and MSW within."""
    random = np.random.default_rng(0)
    table = random.normal(size=(7, 1)) + 0.5 * random.normal(size=(7, 3))
    person = np.repeat(np.arange(7), 3)
    spread, degrees, of_means = one_difference_spread(table.ravel(), person)
    within = table.var(axis=1, ddof=1).mean()
    between = table.mean(axis=1).var(ddof=1) - within / 3
    assert spread**2 == pytest.approx(between + within)
    assert of_means == pytest.approx(table.mean(axis=1).std(ddof=1))
    assert 6.0 < degrees < 20.0


def test_everybody_counts_once_in_mean_and_concordance() -> None:
    found = bland_altman(DIFFERENCES, PEOPLE)
    means = [np.mean([d for d, who in zip(DIFFERENCES, PEOPLE, strict=True) if who == one]) for one in "abcde"]
    assert found.mean == pytest.approx(np.mean(means))
    assert found.count == 5
    real = list(np.arange(9.0))
    predicted = [r + d for r, d in zip(real, DIFFERENCES, strict=True)]
    repeats = {"a": 6, "b": 12, "c": 3, "d": 12, "e": 12}  # each person twelve times, in all
    index = [i for i, who in enumerate(PEOPLE) for _ in range(repeats[who])]
    expected = concordance([predicted[i] for i in index], [real[i] for i in index]).value
    assert concordance(predicted, real, PEOPLE).value == pytest.approx(expected)


def test_a_value_that_is_there_twice_adds_nothing_to_what_is_known() -> None:
    """Pooled, the copies of all values would make every interval narrower."""
    names = list("abcdefgh")
    differences = [p - r for p, r in zip(PREDICTED, REAL, strict=True)]
    once, twice = bland_altman(differences), bland_altman([*differences, *differences], [*names, *names])
    for name in ("mean", "mean_interval", "low_interval", "high_interval", "standard_deviation"):
        assert getattr(twice, name) == pytest.approx(getattr(once, name))
    trend = proportional_bias([*PREDICTED, *PREDICTED], [*REAL, *REAL], [*names, *names])
    pooled = proportional_bias([*PREDICTED, *PREDICTED], [*REAL, *REAL])
    assert trend is not None
    assert pooled is not None
    assert trend.slope == pytest.approx(pooled.slope)
    assert trend.p > pooled.p
    both = concordance([*PREDICTED, *PREDICTED], [*REAL, *REAL], [*names, *names])
    narrow = concordance([*PREDICTED, *PREDICTED], [*REAL, *REAL])
    assert both.interval is not None
    assert narrow.interval is not None
    assert both.interval[1] - both.interval[0] > narrow.interval[1] - narrow.interval[0]


def test_one_person_with_many_values_has_no_limits_and_two_no_test() -> None:
    assert bland_altman(DIFFERENCES, ["a"] * 9).low is None
    assert proportional_bias(PREDICTED, REAL, list("aaaabbbb")) is None
    assert concordance(PREDICTED, REAL, list("aaaabbbb")).interval is None


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.array(PREDICTED)
    found = jackknife_error(lambda kept: float(values[kept].mean()), np.arange(8))
    assert found == pytest.approx(values.std(ddof=1) / 8**0.5)
    assert jackknife_error(lambda kept: None if kept[0] else 1.0, np.arange(8)) is None


@pytest.mark.parametrize("counts", [(2, 2, 2, 1, 1, 1, 1, 1), (2,) * 12, (1, 1, 4, 2, 7, 1, 3, 1, 1, 2)])
@pytest.mark.parametrize(("between", "within"), [(0.3, 0.1), (0.15, 0.3)])
def test_the_intervals_hold_the_truth_in_about_95_of_100_datasets(
    counts: Sequence[int], between: float, within: float
) -> None:
    random, person = np.random.default_rng(7), np.repeat(np.arange(len(counts)), counts)
    names, reach = [str(each) for each in person], NORMAL * float(np.hypot(between, within))
    held: list[list[bool]] = []
    pooled = []

    def draw(first: float, second: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.asarray(random.normal(0, first, len(counts))[person] + random.normal(0, second, len(person)))

    for _ in range(400):
        real, difference = draw(1.0, 0.5), 0.1 + draw(between, within)
        found = bland_altman(list(difference), names)
        coefficient = concordance(list(real + difference), list(real), names).interval
        truth = 2.5 / (2.5 + between**2 + within**2 + 0.01)
        wanted = (0.1, 0.1 - reach, 0.1 + reach, truth)
        intervals = (found.mean_interval, found.low_interval, found.high_interval, coefficient)
        held.append([at is not None and at[0] <= one <= at[1] for one, at in zip(wanted, intervals, strict=True)])
        alone = bland_altman(list(difference)).mean_interval
        pooled.append(alone is not None and alone[0] <= 0.1 <= alone[1])
    shares = np.mean(held, axis=0)
    assert shares.min() > 0.9, shares
    if between > within:
        assert np.mean(pooled) < 0.92  # what it was before: sessions taken for people


def test_sessions_of_organs_are_one_person_in_rows_of_agreement() -> None:
    names = ["sub-01_ses-1", "sub-01_ses-2", "sub-02", "sub-03", "sub-04", "sub-05"]
    values = list(zip(names, PREDICTED, REAL, strict=False))
    found = rows([bias(who, "liver", predicted, real) for who, predicted, real in values])
    people = ["1", "1", "2", "3", "4", "5"]
    expected = bland_altman([100 * (p - r) / r for _, p, r in values], people)
    row = found["organ_suvmean_bias_limits", "liver"]
    assert (row.value, row.extra["low"], row.extra["participants"]) == (expected.mean, expected.low, 5)
    assert row.extra["low_interval"] == expected.low_interval
    lin = concordance([p for _, p, _ in values], [r for _, _, r in values], people)
    assert found["organ_suvmean_ccc", "liver"].extra["interval"] == lin.interval


def test_the_kernel_distance_resamples_people_and_its_floor_is_of_others() -> None:
    real = [np.full((2, 3), number, dtype=float) for number in range(4)]
    names = ["sub-01_ses-1", "sub-02", "sub-01_ses-2", "sub-03"]
    (of_people,) = _by_person(names, real)
    assert [rows[:, 0].tolist() for rows in of_people] == [[0, 0, 2, 2], [1, 1], [3, 3]]

    class Everybody:
        participants = (*names, "sub-04")

    floor = Floor(Everybody(), ["sub-01_ses-1"], None)  # type: ignore[arg-type]
    assert floor.participants == ("sub-02", "sub-03", "sub-04")


def test_false_positives_over_all_participants_are_a_persons_mean_over_the_sessions() -> None:
    found = {"sub-01_ses-1": [2.5, 3.5], "sub-01_ses-2": [], "sub-02": [2.5, 2.5, 2.5]}
    records = [
        ScoreRecord(
            participant=who, region="body", metric="lesion_false_positives", convention_id="x@1",
            value=float(len(contrasts)), unit="", higher_is_better=False, extra={"contrasts": contrasts},
        )
        for who, contrasts in found.items()
    ]  # fmt: skip
    by_region = {row.region: row for row in detection_scores(records, DEFAULT_TASK)}
    assert by_region[ALL].value == pytest.approx((1.0 + 3.0) / 2)
    assert by_region["contrast 2 to 3"].value == pytest.approx((0.5 + 3.0) / 2)
    assert by_region[ALL].extra == {"regions": 5, "participants": 2}
