"""Time to a target, and performance profiles against the definitions, computed the long way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from petbench_leaderboard.statistics.time_to_target import (
    LARGEST_RATIO,
    PerformanceProfile,
    performance_profiles,
    seconds_to_target,
)

HISTORY = [(10.0, 0.9), (20.0, 0.4), (30.0, 0.6), (40.0, 0.3)]


def test_the_time_to_a_target_is_that_of_the_first_validation_as_good() -> None:
    assert seconds_to_target(HISTORY, 0.6) == 20.0
    assert seconds_to_target(HISTORY, 0.4) == 20.0
    assert seconds_to_target(HISTORY, 0.35) == 40.0
    assert seconds_to_target(HISTORY, 0.1) is None
    assert seconds_to_target([], 1.0) is None


def test_the_direction_of_a_score_is_obeyed() -> None:
    psnr = [(10.0, 28.0), (20.0, 31.0), (30.0, 30.0)]
    assert seconds_to_target(psnr, 30.0, higher_is_better=True) == 20.0
    assert seconds_to_target(psnr, 32.0, higher_is_better=True) is None


def test_a_validation_that_is_not_a_number_reaches_no_target() -> None:
    assert seconds_to_target([(1.0, math.nan), (2.0, 0.5)], 0.5) == 2.0
    assert seconds_to_target([(1.0, math.nan)], 0.5, higher_is_better=True) is None


def test_a_profile_is_the_share_of_problems_within_a_factor_of_the_fastest() -> None:
    profiles = performance_profiles({"a": [10.0, 20.0, None], "b": [20.0, 10.0, 30.0], "c": [45.0, None, None]})
    assert profiles["a"].ratios == (1.0, 2.0, math.inf)
    assert profiles["b"].ratios == (2.0, 1.0, 1.0)
    assert [profiles["a"].share_within(factor) for factor in (1.0, 1.99, 2.0, 1e9)] == [1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert profiles["c"].share_within(4.0) == 0.0
    assert profiles["c"].share_within(4.5) == 1 / 3


def test_the_score_is_the_integral_of_the_profile() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        ratios = (*map(float, random.uniform(1.0, 6.0, 5)), math.inf, 1.0)
        profile = PerformanceProfile(ratios)
        factors = np.linspace(1.0, LARGEST_RATIO, 60_001)
        by_hand = np.mean([profile.share_within(float(factor)) for factor in factors[::30]])
        assert profile.score() == pytest.approx(float(by_hand), abs=2e-3)
    assert PerformanceProfile((1.0, 1.0)).score() == 1.0
    assert PerformanceProfile((math.inf, 4.0, 9.0)).score() == 0.0


def test_a_problem_that_nobody_solves_costs_everybody_the_same() -> None:
    profiles = performance_profiles({"a": [None, 1.0], "b": [None, 2.0]})
    assert profiles["a"].share_within(1.0) == 0.5
    assert profiles["b"].share_within(10.0) == 0.5


@pytest.mark.parametrize(
    "times", [{}, {"a": []}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": [0.0]}, {"a": [math.nan]}, {"a": [math.inf]}]
)
def test_times_that_make_no_sense_are_refused(times: dict[str, list[float | None]]) -> None:
    with pytest.raises(ValueError, match="a time"):
        performance_profiles(times)
