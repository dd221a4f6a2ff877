"""Performance profiles over folds and datasets, from times that can be read off by hand, and the figure of them."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report import times as written
from petbench_leaderboard.report.profile_figure import MOST_DRAWN, draw_profiles, steps
from petbench_leaderboard.statistics.time_to_target import LARGEST_RATIO, PerformanceProfile
from petbench_leaderboard.timing.profiles import Profiles, time_profiles
from petbench_leaderboard.timing.tables import board_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.leaderboard.timed_runs import TimedRuns

    from petbench_leaderboard.store import Leaderboard

WHO = ("sub-01", "sub-02", "sub-03")


def profiles_of(leaderboard: Leaderboard) -> list[Profiles]:
    return time_profiles([board_times(leaderboard, board, 0.5) for board in rank(leaderboard)])


def arrive_after(add_timed: TimedRuns, method: str, seconds: Sequence[float | None], **changes: Any) -> None:
    """Store a run of each fold that is good enough after so many seconds; None never is."""
    for fold, after in enumerate(seconds):
        history = [(0.5, 0.9)] + ([(after, 0.4)] if after is not None else [])
        add_timed(method, history, fold=fold, **{"split_participants": WHO[: len(seconds)]} | changes)


def scores_of(profiles: Profiles) -> Mapping[str, float | None]:
    return {entry.name: entry.profile.score() if entry.profile else None for entry in profiles.entries}


def test_the_score_over_folds_is_that_of_the_definition(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    arrive_after(add_timed, "a", [10.0, 20.0, None])
    arrive_after(add_timed, "b", [20.0, 10.0, 30.0])
    arrive_after(add_timed, "c", [45.0, None, None])
    (found,) = profiles_of(leaderboard)
    # ratios: a 1, 2, never; b 2, 1, 1; c 4.5, never, never. The score adds (4 - ratio) / 3 over three problems.
    assert scores_of(found) == {
        "b": pytest.approx((2 + 3 + 3) / 9), "a": pytest.approx((3 + 2) / 9), "c": 0.0
    }  # fmt: skip
    assert [written.profile_cells(found, entry) for entry in found.entries] == [
        ["b", "0.89", "3 of 3"], ["a", "0.56", "2 of 3"], ["c", "0.00", "1 of 3"]
    ]  # fmt: skip
    assert written.profile_title(found) == "Performance profile over 3 problems"
    assert (
        "fdg-phantom-mini holdout folds 0, 1, 2, task fdg-7-21-to-42-63@1, protocol 2; Fast Chip"
        in written.profile_place(found)
    )


def test_a_method_is_as_fast_in_a_problem_as_the_median_of_its_seeds(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    for seed, seconds in enumerate((10.0, 30.0, None)):
        arrive_after(add_timed, "a", [seconds, seconds], seed=seed)
    arrive_after(add_timed, "b", [60.0, None], seed=0)
    (found,) = profiles_of(leaderboard)
    by_name = {entry.name: entry for entry in found.entries}
    assert list(by_name["a"].seconds.values()) == [30.0, 30.0]
    assert by_name["b"].profile is not None
    assert by_name["b"].profile.ratios == (2.0, math.inf)


def test_a_method_that_did_not_try_a_problem_has_no_score_and_one_that_did_not_arrive_has(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    arrive_after(add_timed, "a", [10.0, 20.0])
    arrive_after(add_timed, "b", [10.0, None])
    arrive_after(add_timed, "c", [1.0], split_participants=WHO[:2])
    (found,) = profiles_of(leaderboard)
    assert scores_of(found) == {"a": 1.0, "b": 0.5, "c": None}
    assert written.profile_cells(found, found.entries[-1]) == ["c", "–", "1 of 2 (1 not tried)"]


def test_problems_of_two_datasets_stand_in_one_profile_and_those_of_two_machines_or_protocols_do_not(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    other = {"dataset": "other", "fingerprint": "e" * 64}
    for change in ({}, other):
        arrive_after(add_timed, "a", [10.0], **change)
        arrive_after(add_timed, "b", [20.0], **change)
    arrive_after(add_timed, "a", [5.0], machine={"name": "Some Card"})
    arrive_after(add_timed, "a", [5.0], protocol=3)
    found = profiles_of(leaderboard)
    assert [(each.protocol, each.hardware, len(each.problems)) for each in found] == [
        (3, "Fast Chip, 8 cores, 2 threads", 1),
        (2, "Fast Chip, 8 cores, 2 threads", 2),
        (2, "Some Card", 1),
    ]
    assert scores_of(found[1]) == {"a": 1.0, "b": pytest.approx(2 / 3)}


def test_one_problem_or_one_method_has_no_profile_and_says_so(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    arrive_after(add_timed, "a", [10.0])
    arrive_after(add_timed, "b", [20.0])
    (found,) = profiles_of(leaderboard)
    assert not found.compares
    assert written.why_no_profile(found).startswith(
        "1 problem (fdg-phantom-mini holdout fold 0, task fdg-7-21-to-42-63@1, protocol 2; Fast Chip"
    )
    assert written.why_no_profile(found).endswith("): a performance profile needs 2")
    arrive_after(add_timed, "a", [10.0], dataset="other", fingerprint="e" * 64)
    (found,) = profiles_of(leaderboard)
    assert not found.compares
    assert written.why_no_profile(found).endswith("; there is 1")


def test_two_packages_that_call_a_method_alike_are_two_methods(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    arrive_after(add_timed, "a", [10.0, 10.0])
    arrive_after(add_timed, "a", [20.0, 20.0], distribution="theirs")
    (found,) = profiles_of(leaderboard)
    assert scores_of(found) == {"a (petbench)": 1.0, "a (theirs)": pytest.approx(2 / 3)}


def test_only_rows_that_stand_for_their_methods_enter(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    arrive_after(add_timed, "a", [10.0, 10.0], parameters={"width": 4})
    arrive_after(add_timed, "a", [1.0, 1.0], parameters={"width": 8})
    arrive_after(add_timed, "b", [20.0, 20.0])
    (found,) = profiles_of(leaderboard)
    assert scores_of(found) == {"a": 1.0, "b": pytest.approx(2 / 3)}


def test_the_line_that_is_drawn_is_the_share_at_every_factor() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        profile = PerformanceProfile((*map(float, random.uniform(1.0, 6.0, 6)), 1.0, math.inf, LARGEST_RATIO))
        factors, shares = steps(profile)
        for factor in random.uniform(1.0, LARGEST_RATIO, 50):
            place = int(np.searchsorted(factors, factor, side="right")) - 1
            assert shares[place] == profile.share_within(float(factor))
        assert (factors[0], factors[-1], shares[-1]) == (1.0, LARGEST_RATIO, profile.share_within(LARGEST_RATIO))


def test_the_figure_is_a_picture_with_words_and_draws_the_best_methods(
    leaderboard: Leaderboard, add_timed: TimedRuns
) -> None:
    for number in range(MOST_DRAWN + 2):
        arrive_after(add_timed, f"method-{number:02d}", [10.0 + number, 12.0 + number])
    (found,) = profiles_of(leaderboard)
    figure = draw_profiles(found)
    with Image.open(io.BytesIO(figure.webp)) as picture:
        assert picture.size == (figure.width, figure.height)
        colours = picture.convert("RGB").getcolors(2**24)
    assert colours is not None
    assert len(colours) > 100
    assert figure.description.startswith("Share of 2 problems in which each method is within a factor of the fastest")
    assert "method-00 1.00" in figure.description
