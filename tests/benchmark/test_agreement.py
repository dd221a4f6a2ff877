"""Limits of agreement, their intervals, proportional bias and concordance: against other routes to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from petbench.evaluation.agreement_rows import agreement_scores
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.statistics.agreement import bland_altman, concordance, proportional_bias

PREDICTED = [4.1, 2.2, 7.9, 5.4, 3.3, 6.6, 4.9, 8.8]
REAL = [4.0, 2.9, 7.0, 5.0, 3.6, 5.9, 4.1, 7.2]


def test_limits_are_the_mean_with_1_96_standard_deviations_and_students_interval_of_the_mean() -> None:
    differences = [p - r for p, r in zip(PREDICTED, REAL, strict=True)]
    found = bland_altman(differences)
    mean, spread = np.mean(differences), np.std(differences, ddof=1)
    assert (found.low, found.high) == pytest.approx((mean - 1.96 * spread, mean + 1.96 * spread))
    student = stats.t.interval(0.95, 7, loc=mean, scale=spread / np.sqrt(8))
    assert found.mean_interval == pytest.approx(student)


@pytest.mark.parametrize("count", [3, 8, 40])
def test_the_interval_of_a_limit_is_exact_by_integration_over_the_standard_deviation(count: int) -> None:
    """P(mean + k s > limit) by the chi distribution of s and the normal one of the mean; no non-central t in it."""
    scale = np.random.default_rng(count).normal(0.0, 2.0, count)
    found = bland_altman(list(scale))
    assert found.high_interval is not None
    assert found.low_interval is not None
    assert found.standard_deviation is not None

    def exceeds(factor: float) -> float:
        chi = stats.chi(count - 1, scale=1.0 / np.sqrt(count - 1))

        def inner(s: float) -> float:
            return float(stats.norm.sf((1.96 - factor * s) * np.sqrt(count)) * chi.pdf(s))

        return float(integrate.quad(inner, 0.0, 10.0, epsabs=1e-10, limit=200)[0])

    factors = [optimize.brentq(lambda k, p=p: exceeds(k) - p, 0.0, 60.0) for p in (0.025, 0.975)]
    expected = [found.mean + factor * found.standard_deviation for factor in factors]
    assert found.high_interval == pytest.approx(expected, rel=1e-5)
    mirrored = bland_altman([-each for each in scale])
    assert found.low_interval == pytest.approx([-end for end in reversed(mirrored.high_interval or ())], rel=1e-9)


def test_the_interval_of_a_limit_holds_it_in_95_of_100_samples() -> None:
    random = np.random.default_rng(4)
    held = [
        interval is not None and interval[0] <= 1.96 <= interval[1]
        for interval in (bland_altman(list(random.standard_normal(6))).high_interval for _ in range(2000))
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_proportional_bias_is_pitmans_test_of_equal_variances() -> None:
    """The slope of difference on mean is 0 just where both sides vary equally (Pitman, Biometrika 1939;31:9)."""
    found = proportional_bias(PREDICTED, REAL)
    assert found is not None
    first, second = np.array(PREDICTED), np.array(REAL)
    slope = np.polyfit((first + second) / 2.0, first - second, 1)[0]
    assert found.slope == pytest.approx(slope)
    assert slope == pytest.approx((first.var() - second.var()) / 2.0 / ((first + second) / 2.0).var())
    correlation = np.corrcoef(first + second, first - second)[0, 1]
    t = correlation * np.sqrt(6.0 / (1.0 - correlation**2))
    assert found.p == pytest.approx(2.0 * stats.t.sf(abs(t), 6))


def test_proportional_bias_needs_three_participants_that_differ() -> None:
    assert proportional_bias([1.0, 2.0], [1.0, 2.5]) is None
    assert proportional_bias([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]) is None
    same = proportional_bias(PREDICTED, PREDICTED)
    assert same is not None
    assert (same.slope, same.p) == (0.0, 1.0)


def test_concordance_is_one_minus_the_expected_square_over_that_of_independence() -> None:
    """Lin's own definition, by all pairs: E(x − y)² over what it would be if x and y were independent."""
    first, second = np.array(PREDICTED), np.array(REAL)
    together = np.mean((first - second) ** 2)
    independent = np.mean([(a - b) ** 2 for a in first for b in second])
    found = concordance(PREDICTED, REAL)
    assert found.value == pytest.approx(1.0 - together / independent)
    assert found.pearson == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert concordance(REAL, PREDICTED).value == pytest.approx(found.value)


def test_concordance_sees_an_offset_and_a_factor_that_correlation_does_not() -> None:
    values = np.array(REAL)
    for other in (values + 1.0, values * 1.3):
        found = concordance(list(other), REAL)
        assert found.pearson == pytest.approx(1.0)
        assert found.value < 0.95
    assert concordance(REAL, REAL).value == pytest.approx(1.0)


def test_the_interval_of_concordance_holds_it_in_about_95_of_100_samples() -> None:
    random = np.random.default_rng(9)
    truth = 2 * 0.8 * 1.2 / (1.0 + 1.2**2 + 0.5**2)
    held = []
    for _ in range(1000):
        first = random.standard_normal(30)
        second = 1.2 * (0.8 * first + 0.6 * random.standard_normal(30)) + 0.5
        interval = concordance(list(first), list(second)).interval
        held.append(interval is not None and interval[0] <= truth <= interval[1])
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_concordance_needs_three_values_that_differ() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        concordance([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="all the same"):
        concordance([1.0] * 3, [1.0] * 3)
    flat = concordance([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert (flat.value, flat.interval) == (0.0, None)


def bias(
    participant: str, region: str, predicted: float, real: float, metric: str = "organ_suvmean_bias"
) -> ScoreRecord:
    value = 100.0 * (predicted - real) / real
    extra = {"predicted": predicted, "real": real}
    return ScoreRecord(
        participant=participant, region=region, metric=metric, convention_id="x@1", value=value, unit="%",
        higher_is_better=None, extra=extra,
    )  # fmt: skip


def rows(records: list[ScoreRecord]) -> dict[tuple[str, str], ScoreRecord]:
    return {(row.metric, row.region): row for row in agreement_scores(records)}


def test_every_organ_has_limits_with_intervals_a_test_of_trend_and_a_concordance() -> None:
    people = [f"sub-{number:02d}" for number in range(1, 9)]
    records = [bias(*facts) for facts in zip(people, ["liver"] * 8, PREDICTED, REAL, strict=True)]
    found = rows(records)
    limits, agreement = found["organ_suvmean_bias_limits", "liver"], found["organ_suvmean_ccc", "liver"]
    assert limits.value == pytest.approx(np.mean([100 * (p - r) / r for p, r in zip(PREDICTED, REAL, strict=True)]))
    trend = proportional_bias(PREDICTED, REAL)
    assert trend is not None
    assert limits.extra["proportional_bias_slope"] == trend.slope
    assert limits.extra["proportional_bias_p"] == trend.p
    for name in ("mean_interval", "low_interval", "high_interval"):
        assert isinstance(limits.extra[name], tuple)
    assert agreement.value == concordance(PREDICTED, REAL).value
    assert (agreement.participant, agreement.higher_is_better, agreement.unit) == (None, True, "")


def test_lesions_agree_as_one_group_and_too_few_values_say_so() -> None:
    metric = "lesion_suvmax_bias"
    records = [bias("sub-01", "a", 4.0, 5.0, metric), bias("sub-02", "b", 6.0, 5.5, metric)]
    found = rows(records)
    assert found["lesion_suvmax_bias_limits", "lesions"].extra["participants"] == 2
    assert found["lesion_suvmax_ccc", "lesions"].reason == "a concordance needs at least 3 values, not 2"
    more = rows([*records, bias("sub-02", "c", 3.0, 2.5, metric)])
    people = ["sub-01", "sub-02", "sub-02"]
    expected = concordance([4.0, 6.0, 3.0], [5.0, 5.5, 2.5], people)
    assert more["lesion_suvmax_ccc", "lesions"].value == expected.value
    assert more["lesion_suvmax_bias_limits", "lesions"].value == pytest.approx((-20.0 + (100 / 11 + 20.0) / 2) / 2)
    assert more["lesion_suvmax_bias_limits", "lesions"].extra["values"] == 3


def test_nobody_is_dropped_from_agreement() -> None:
    empty = ScoreRecord(
        participant="sub-02", region="liver", metric="organ_suvmean_bias", convention_id="x@1", value=None, unit="%",
        higher_is_better=None, reason="no uptake",
    )  # fmt: skip
    for row in rows([bias("sub-01", "liver", 2.0, 1.0), empty]).values():
        assert (row.value, row.reason) == (None, "1/2 participants have a value")
