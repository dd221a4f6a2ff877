"""What the intervals and tests of a board promise is what they give, for datasets whose truth is known.

A promise is held by drawing, with three and a half standard errors to spare, and must not be idle: somewhere it is met
only just.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, get_args

import numpy as np
import pytest

from petbench_leaderboard.statistics import promises
from petbench_leaderboard.statistics.intervals import half_widths, spread_of
from petbench_leaderboard.statistics.power import can_decide
from petbench_leaderboard.statistics.sign_tests import attained_level
from petbench_leaderboard.statistics.simulation import measures
from petbench_leaderboard.statistics.simulation.agreement import agreement_coverage
from petbench_leaderboard.statistics.simulation.scenarios import (
    PARTICIPANTS,
    SCENARIOS,
    SEED_SPREADS,
    SEEDS,
    Scenario,
    Setting,
    draw_method,
    draw_participants,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

Measure: TypeAlias = "Callable[[Setting, int, np.random.Generator], float]"

#: One seed says nothing of how seeds spread: there the truth is that of the one training.
KNOWN = [(seeds, spread) for seeds in SEEDS for spread in SEED_SPREADS if seeds > 1 or spread == 0.0]
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def spare(share: float, datasets: int) -> float:
    return 3.5 * float(np.sqrt(share * (1.0 - share) / datasets))


def test_the_promises_are_about_what_is_drawn() -> None:
    assert set(promises.COVERAGE) == set(promises.FALSELY_APART) == set(SCENARIOS) == set(get_args(Scenario))
    assert (PARTICIPANTS[0], PARTICIPANTS[-1]) == (promises.FEWEST, promises.MOST)


@every_scenario
def test_the_participants_that_are_drawn_are_of_mean_0_and_the_rest_of_spread_1(scenario: Scenario) -> None:
    drawn = draw_participants(scenario, (400_000,), np.random.default_rng(1))
    assert drawn.mean() == pytest.approx(0.0, abs=0.02)
    if scenario == "failures":
        failing = drawn < -1.8  # half way between the two: 5/7 and 5/7 − 5
        assert failing.mean() == pytest.approx(1 / 7, abs=0.01)
        drawn = drawn[~failing]
    assert drawn.std() == pytest.approx(1.0, abs=0.05)


@every_scenario
@pytest.mark.parametrize("measure", [measures.mean_coverage, measures.difference_coverage])
def test_an_interval_holds_the_truth_as_often_as_promised(scenario: Scenario, measure: Measure) -> None:
    datasets, promised = 4000, promises.COVERAGE[scenario]
    generator = np.random.default_rng(11)
    found = {
        setting: measure(setting, datasets, generator)
        for participants in PARTICIPANTS
        for seeds, spread in KNOWN
        if (setting := Setting(scenario=scenario, participants=participants, seeds=seeds, seed_spread=spread))
    }
    too_low = {setting: share for setting, share in found.items() if share < promised - spare(promised, datasets)}
    assert too_low == {}
    assert min(found.values()) < promised + 0.03


def test_two_seeds_that_spread_as_much_as_participants_are_covered_too() -> None:
    """Where resampling seeds and participants together held the truth in 85 to 87 %."""
    generator = np.random.default_rng(12)
    for participants in (6, 12, 18, 40):
        setting = Setting(scenario="normal", participants=participants, seeds=2, seed_spread=1.0)
        assert measures.mean_coverage(setting, 4000, generator) > 0.935


def test_with_four_participants_no_interval_runs_away() -> None:
    """Where one interval in seven was wider than twenty standard deviations."""
    for scenario in SCENARIOS:
        drawn = draw_method(Setting(scenario=scenario, participants=4), 4000, np.random.default_rng(13))
        below, above = half_widths(spread_of(drawn))
        assert np.mean(below + above > 20.0) < 0.01


def test_of_another_training_one_seed_says_nothing() -> None:
    setting = Setting(scenario="normal", participants=16, seeds=1, seed_spread=1.0)
    assert measures.mean_coverage(setting, 2000, np.random.default_rng(14)) < 0.6


@every_scenario
def test_two_equal_methods_come_out_apart_no_more_often_than_promised(scenario: Scenario) -> None:
    datasets, promised = 800, promises.FALSELY_APART[scenario]
    generator = np.random.default_rng(15)
    found = {
        setting: measures.errors_of_tests(setting, datasets, generator).apart
        for participants in (6, 8, 16, 40)
        for seeds, spread in ((1, 0.0), (2, 0.3), (3, 1.0), (5, 0.3))
        if (setting := Setting(scenario=scenario, participants=participants, seeds=seeds, seed_spread=spread))
    }
    too_high = {setting: share for setting, share in found.items() if share > promised + spare(promised, datasets)}
    assert too_high == {}
    assert max(found.values()) > promised - 0.03


@pytest.mark.parametrize("participants", [3, 5, 6, 7, 12, 24])
def test_signed_ranks_alone_are_exact_for_symmetric_differences_of_one_training(participants: int) -> None:
    setting = Setting(scenario="normal", participants=participants)
    found = measures.errors_of_tests(setting, 4000, np.random.default_rng(16))
    exact = attained_level(participants, 0.05) or 0.0
    assert found.wilcoxon == pytest.approx(exact, abs=spare(0.05, 4000))
    assert found.permutation <= 0.05 + spare(0.05, 4000)
    assert (found.wilcoxon == 0.0) == (not can_decide(participants, 1))


def test_signed_ranks_alone_are_wrong_of_another_training_and_of_the_mean_where_one_method_fails() -> None:
    """Why they do not decide by themselves."""
    generator = np.random.default_rng(17)
    seeds = Setting(scenario="normal", participants=16, seeds=3, seed_spread=1.0)
    fails = Setting(scenario="failures", participants=40)
    assert measures.errors_of_tests(seeds, 1000, generator).wilcoxon > 0.3
    assert measures.errors_of_tests(fails, 1000, generator).wilcoxon > 0.15


@every_scenario
@pytest.mark.parametrize("means", [(0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.5, 2.0, 2.0)])
def test_of_several_methods_no_more_comparisons_are_wrong_than_promised_and_rank_intervals_hold(
    scenario: Scenario, means: tuple[float, ...]
) -> None:
    datasets, generator = 250, np.random.default_rng(18)
    allowed = promises.FAMILY_ERROR + spare(promises.FAMILY_ERROR, datasets)
    for participants, seeds, spread in ((8, 1, 0.0), (16, 3, 1.0), (24, 1, 0.0), (16, 2, 0.3)):
        setting = Setting(scenario=scenario, participants=participants, seeds=seeds, seed_spread=spread)
        found = measures.errors_of_family(setting, means, datasets, generator)
        assert found.any_false <= allowed, setting
        assert found.ranks_held >= 1.0 - allowed, setting


@pytest.mark.parametrize(("participants", "comparisons"), [(6, 1), (8, 3), (12, 10), (16, 1), (16, 28), (40, 10)])
def test_the_smallest_detectable_difference_is_found_as_often_as_promised(participants: int, comparisons: int) -> None:
    setting = Setting(scenario="normal", participants=participants)
    found = measures.power_at_the_detectable_difference(setting, comparisons, 2000, np.random.default_rng(19))
    least, most = promises.DETECTED
    assert found is not None
    assert least - spare(least, 2000) <= found <= most + spare(most, 2000)


def test_where_nothing_can_be_decided_no_difference_is_detectable() -> None:
    setting = Setting(scenario="normal", participants=5)
    assert measures.power_at_the_detectable_difference(setting, 1, 100, np.random.default_rng(20)) is None


@pytest.mark.parametrize("participants", PARTICIPANTS)
def test_intervals_of_agreement_hold_the_truth_where_differences_are_normal(participants: int) -> None:
    datasets, promised = 1000, promises.AGREEMENT
    found = agreement_coverage("normal", participants, datasets, np.random.default_rng(21))
    shares = (found.mean, found.low, found.high, found.concordance)
    assert min(shares) >= promised - spare(promised, datasets)
    assert max(shares) <= 0.98


@pytest.mark.parametrize(("scenario", "share"), [("skewed", 0.8), ("very skewed", 0.5), ("failures", 0.85)])
def test_of_differences_that_are_not_normal_the_limits_promise_nothing(scenario: Scenario, share: float) -> None:
    """Why the page says so."""
    found = agreement_coverage(scenario, 16, 600, np.random.default_rng(22))
    assert min(found.low, found.high) < share


@every_scenario
def test_a_slope_that_is_0_is_taken_for_a_bias_no_more_often_than_promised(scenario: Scenario) -> None:
    datasets, promised = 600, promises.SLOPE_ERROR[scenario]
    generator = np.random.default_rng(23)
    found = {number: agreement_coverage(scenario, number, datasets, generator).slope for number in (3, 6, 12, 24, 40)}
    assert max(found.values()) <= promised + spare(promised, datasets)
