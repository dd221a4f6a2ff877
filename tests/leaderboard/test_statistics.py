from __future__ import annotations

import dataclasses
import json
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import optimize, stats

from petbench_leaderboard.exports import to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.statistics.intervals import difference_interval, mean_interval, p_values, spread_of
from petbench_leaderboard.statistics.paired import compare_all, holm
from petbench_leaderboard.statistics.power import can_decide, detectable_difference, fewest_participants
from petbench_leaderboard.statistics.ranks import agreement, rank_intervals, rank_stability
from petbench_leaderboard.statistics.sentences import caveats, separation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard


def test_an_interval_is_the_same_for_the_same_scores_and_needs_three_participants() -> None:
    scores = np.random.default_rng(3).normal(30, 1, 7)
    assert mean_interval(scores) == mean_interval(scores)
    assert mean_interval(scores[:2]) is None
    assert mean_interval(scores[:3]) is not None
    still = mean_interval([5.0] * 4)
    assert still is not None
    assert (still.low, still.high) == (5.0, 5.0)


def test_an_interval_of_symmetric_scores_is_students() -> None:
    half = np.array([0.3, 1.1, 2.0, 4.0])
    scores = 7.0 + np.concatenate([half, -half])
    interval = mean_interval(scores)
    expected = stats.t.interval(0.95, 7, loc=scores.mean(), scale=stats.sem(scores))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(expected)


def test_an_interval_of_skewed_scores_is_halls_bounded_by_half_as_wide_again_as_students() -> None:
    """Against Hall's transformation, inverted by a root search in place of the formula."""
    student = stats.t.ppf(0.975, 8)
    for seed in range(200):
        scores = np.random.default_rng(seed).lognormal(0.0, 0.8, 9)
        below, above = np.clip(
            [_inverse_of_halls(student, stats.skew(scores), 9), -_inverse_of_halls(-student, stats.skew(scores), 9)],
            student,
            1.5 * student,
        ) * stats.sem(scores)
        interval = mean_interval(scores)
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx((scores.mean() - below, scores.mean() + above))


def _inverse_of_halls(value: float, skewness: float, participants: int) -> float:
    def away(t: float) -> float:
        step = skewness / np.sqrt(participants)
        return float(t + step * (t**2 / 3.0 + 1.0 / 6.0) + step**2 * t**3 / 27.0 - value)

    return float(optimize.brentq(away, -500.0, 500.0))


@pytest.mark.parametrize("participants", [3, 4, 6])
def test_no_interval_runs_away_with_few_participants(participants: int) -> None:
    scores = np.random.default_rng(1).standard_cauchy((1000, participants))
    widths = [interval.high - interval.low for values in scores if (interval := mean_interval(values)) is not None]
    students = 2.0 * stats.t.ppf(0.975, participants - 1) * stats.sem(scores, axis=1)
    assert len(widths) == 1000
    assert np.all(np.array(widths) <= 1.5 * students * (1.0 + 1e-9))
    assert np.all(np.array(widths) >= students * (1.0 - 1e-9))


def test_several_seeds_add_their_own_part_to_the_interval() -> None:
    # Seeds that add a constant each, without noise: σ²_participants/n and σ²_seeds/r, both from the margins.
    participants, seeds = np.array([-3.0, -1.0, 1.0, 3.0]), np.array([[0.0], [1.0], [5.0]])
    interval = mean_interval(participants + seeds)
    half = np.hypot(
        stats.t.ppf(0.975, 3) * np.sqrt(participants.var(ddof=1) / 4), stats.t.ppf(0.975, 2) * stats.sem(seeds[:, 0])
    )
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((2.0 - half, 2.0 + half))


def test_the_interval_of_a_difference_is_that_of_the_participants_differences() -> None:
    generator = np.random.default_rng(4)
    first, second = generator.normal(30, 3, 12), generator.normal(1, 0.2, 12)
    expected, forwards = mean_interval(second), difference_interval(first + second, first)
    backwards = difference_interval(first, first + second)
    assert expected is not None
    assert forwards is not None
    assert backwards is not None
    for found in (forwards, backwards.reversed()):
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_seeds_of_two_methods_share_welchs_degrees_of_freedom() -> None:
    people = np.array([-3.0, -1.0, 1.0, 3.0])
    first, second = np.array([[0.0], [1.0], [5.0]]), np.array([[2.0], [2.5]])
    interval = difference_interval(2.0 * people + first, people + second)
    one, two = first.var(ddof=1) / 3, second.var(ddof=1) / 2
    freedom = (one + two) ** 2 / (one**2 / 2 + two**2 / 1)
    half = np.hypot(
        stats.t.ppf(0.975, 3) * np.sqrt(people.var(ddof=1) / 4), stats.t.ppf(0.975, freedom) * np.sqrt(one + two)
    )
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((-0.25 - half, -0.25 + half))


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_p_of_an_interval_is_where_an_interval_ends_at_0(seeds: int) -> None:
    generator = np.random.default_rng(6)
    for shift in (-0.8, 0.3, 1.5):
        table = generator.lognormal(0.0, 0.7, (seeds, 9)) - 1.3 + shift
        p = float(p_values(spread_of(table)))
        at_the_edge = mean_interval(table, confidence=1.0 - p)
        assert at_the_edge is not None
        assert min(abs(at_the_edge.low), abs(at_the_edge.high)) == pytest.approx(0.0, abs=1e-6)


def test_the_p_of_the_interval_of_symmetric_differences_is_that_of_the_t_test() -> None:
    half = np.array([0.3, 1.1, 2.0, 4.0])
    values = 1.2 + np.concatenate([half, -half])
    assert float(p_values(spread_of(values[None]))) == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, rel=1e-6)


def test_scores_with_holes_get_no_interval() -> None:
    with pytest.raises(ValueError, match="give finite numbers"):
        mean_interval([1.0, 2.0, float("nan"), 3.0])


def test_holm_gives_the_published_worked_examples() -> None:
    # Wikipedia, Holm–Bonferroni method, "Example": only H4 and H1 are rejected at 0.05.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # MetricGate, "Holm-Bonferroni correction", its R example.
    assert holm([0.01, 0.04, 0.20, 0.03, 0.005, 0.07]) == pytest.approx([0.05, 0.12, 0.20, 0.12, 0.03, 0.14])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_equals_the_closed_testing_procedure_that_it_is_a_shortcut_of() -> None:
    p_values = np.random.default_rng(9).beta(0.3, 3.0, 7)
    families = [list(family) for size in range(1, 8) for family in combinations(range(7), size)]
    closed = [
        max(min(1.0, len(family) * p_values[family].min()) for family in families if index in family)
        for index in range(7)
    ]
    assert holm(p_values.tolist()) == pytest.approx(closed)


@pytest.mark.parametrize("participants", range(1, 6))
def test_five_participants_never_separate_two_methods(participants: int) -> None:
    better = {f"sub-{n}": 40.0 + n / 10 for n in range(participants)}
    worse = dict.fromkeys(better, 20.0)
    (comparison,) = compare_all({"a": better, "b": worse})
    assert comparison.wilcoxon_p == pytest.approx(2 / 2**participants)
    assert not comparison.separated
    assert not comparison.can_decide
    assert comparison.detectable_difference is None


def test_five_differences_of_one_do_not_separate_two_methods() -> None:
    (comparison,) = compare_all({"a": dict.fromkeys("vwxyz", 31.0), "b": dict.fromkeys("vwxyz", 30.0)})
    assert comparison.wilcoxon_p == comparison.adjusted_p == 0.0625
    assert not comparison.separated


@pytest.mark.parametrize(("methods", "participants"), [(2, 6), (3, 7), (5, 9), (8, 11), (40, 15)])
def test_more_comparisons_take_more_participants_to_decide_anything(methods: int, participants: int) -> None:
    comparisons = methods * (methods - 1) // 2
    assert fewest_participants(comparisons) == participants
    assert can_decide(participants, comparisons)
    assert not can_decide(participants - 1, comparisons)
    for count, decided in ((participants, True), (participants - 1, False)):
        scores = {f"m{n}": {f"sub-{p}": 10.0 * n + p / 100 for p in range(count)} for n in range(min(methods, 8))}
        if methods <= 8:
            assert {found.can_decide for found in compare_all(scores)} == {decided}
            assert any(found.separated for found in compare_all(scores)) == decided


def test_seeds_that_differ_as_much_as_methods_keep_them_from_being_apart() -> None:
    """Every participant says that a is better, and another training of a would not: signed ranks alone are sure."""
    people = np.linspace(28.0, 32.0, 16)
    noise = np.random.default_rng(0).normal(0.0, 0.05, (2, 3, 16))
    trained = {"a": people + np.array([[2.0], [-0.5], [1.0]]), "b": people + np.array([[0.5], [-1.0], [0.8]])}
    scores = {
        name: {f"sub-{p}": (table + noise[n])[:, p].tolist() for p in range(16)}
        for n, (name, table) in enumerate(trained.items())
    }
    (comparison,) = compare_all(scores)
    assert comparison.wilcoxon_p == pytest.approx(2 / 2**16)
    assert comparison.interval is not None
    assert 0.0 in comparison.interval
    assert not comparison.separated


def test_a_participant_who_fails_and_turns_the_mean_round_keeps_methods_from_being_apart() -> None:
    worse = {f"sub-{n}": 20.0 + n for n in range(16)}
    better = {who: value + 1.0 + n / 100 for n, (who, value) in enumerate(worse.items())}
    better["sub-15"] -= 16.0
    (comparison,) = compare_all({"better for fifteen": better, "worse": worse})
    assert comparison.wilcoxon_p < 0.05
    assert comparison.interval is not None
    assert 0.0 in comparison.interval
    assert not comparison.separated


def test_the_correction_is_over_the_larger_of_both_p() -> None:
    generator = np.random.default_rng(12)
    base = generator.normal(30, 2, 14)
    scores = {
        name: {f"sub-{p}": float(value) for p, value in enumerate(base + shift + generator.normal(0, 1, 14))}
        for name, shift in (("a", 0.0), ("b", 0.8), ("c", 2.5))
    }
    found = compare_all(scores)
    larger = [max(comparison.wilcoxon_p, comparison.interval_p or 0.0) for comparison in found]
    assert [comparison.adjusted_p for comparison in found] == holm(larger)
    for comparison in found:
        first, second = (np.array(list(scores[name].values())) for name in (comparison.first, comparison.second))
        interval = difference_interval(first, second)
        assert comparison.interval == interval
        assert interval is not None
        assert (0.0 in interval) == (comparison.interval_p is not None and comparison.interval_p >= 0.05)


def test_the_detectable_difference_of_one_seed_follows_its_formula() -> None:
    values = np.concatenate([np.linspace(0.1, 3.0, 8), -np.linspace(0.1, 3.0, 8)])  # symmetric: Student's interval
    spread = spread_of(values[None])
    level = 0.05 / 3
    attained = max(p for p in _wilcoxon_levels(16) if p <= level)
    error = stats.sem(values)
    ranks = (stats.t.ppf(1 - attained / 2, 15) + stats.t.ppf(0.85, 15)) * error * np.sqrt(np.pi / 3)
    mean = stats.t.ppf(1 - level / 2, 15) * error + stats.norm.ppf(0.85) * error
    assert detectable_difference(spread, 3) == pytest.approx(max(ranks, mean))
    six = spread_of(values[None, [0, 3, 7, 8, 11, 15]])
    one_sign = np.sqrt(six.participant_variance * 6) * stats.norm.ppf(0.85 ** (1 / 6))
    assert detectable_difference(six, 1) == pytest.approx(float(one_sign))
    assert detectable_difference(six, 2) is None


def test_a_detectable_difference_shrinks_with_participants_and_grows_with_comparisons_and_seeds_spread() -> None:
    generator = np.random.default_rng(9)
    table = generator.normal(0, 1, (3, 24))
    found = [detectable_difference(spread_of(table), comparisons) for comparisons in (1, 3, 28)]
    assert found == sorted(found, key=lambda value: value or 0.0)
    few, many = (detectable_difference(spread_of(np.tile(table[:1], times)), 1) for times in (1, 4))
    assert few is not None
    assert many is not None
    assert many < few
    spread_out = detectable_difference(spread_of(table + np.array([[0.0], [2.0], [4.0]])), 1)
    assert spread_out is not None
    assert found[0] is not None
    assert spread_out > found[0]


def _wilcoxon_levels(participants: int) -> set[float]:
    """Return every p that Wilcoxon's test can give, from SciPy."""
    statistics = range(participants * (participants + 1) // 4 + 1)
    ranks = np.arange(1.0, participants + 1)
    found = set()
    for statistic in statistics:
        negative, left = np.zeros(participants, bool), statistic
        for place in reversed(range(participants)):
            if ranks[place] <= left:
                negative[place], left = True, left - ranks[place]
        found.add(float(stats.wilcoxon(np.where(negative, -ranks, ranks), method="exact").pvalue))
    return found


def test_methods_scored_on_other_participants_are_not_compared() -> None:
    with pytest.raises(ValueError, match="a and b were scored on other participants"):
        compare_all({"a": {"sub-01": 1.0}, "b": {"sub-02": 1.0}})


def test_methods_that_are_not_separated_share_their_ranks() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(30, 2, 18)
    tables = {"good": base + 3, "alike": base + 3 + generator.normal(0, 0.5, 18), "poor": base}
    scores = {name: {f"sub-{n}": float(v) for n, v in enumerate(values)} for name, values in tables.items()}
    comparisons = compare_all(scores)
    ranks = rank_intervals(list(scores), comparisons, higher_is_better=True)
    assert ranks == {"good": (1, 2), "alike": (1, 2), "poor": (3, 3)}
    ranks = rank_intervals(list(scores), comparisons, higher_is_better=False)
    assert ranks == {"good": (2, 3), "alike": (2, 3), "poor": (1, 1)}
    more = rank_intervals(list(scores), comparisons, higher_is_better=True, ranked=10)
    assert more == {"good": (1, 9), "alike": (1, 9), "poor": (3, 10)}  # seven that were not compared may be anywhere


def test_a_clear_ranking_stays_in_every_draw_and_an_unclear_one_changes() -> None:
    generator = np.random.default_rng(4)
    base = generator.normal(30, 2, 18)
    clear = rank_stability({"a": base + 10, "b": base + 5, "c": base}, higher_is_better=True)
    assert (clear.ranks, clear.mean_tau) == ((1, 2, 3), 1.0)
    assert clear.shares == pytest.approx(np.eye(3))
    noise = {name: generator.normal(30, 2, 18) for name in "abc"}
    unclear = rank_stability(noise, higher_is_better=True)
    assert unclear.mean_tau is not None
    assert unclear.mean_tau < 0.9
    assert unclear.shares.sum(axis=1) == pytest.approx(1.0)


def test_identical_methods_tie_in_every_draw() -> None:
    scores = np.random.default_rng(6).normal(size=9)
    stability = rank_stability({"a": scores, "b": scores.copy(), "c": scores - 9}, higher_is_better=True)
    assert stability.ranks == (1, 1, 3)
    assert stability.shares == pytest.approx(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))


def test_lower_is_better_turns_the_ranking_round() -> None:
    assert rank_stability({"a": [1.0] * 5, "b": [2.0] * 5}, higher_is_better=False).ranks == (1, 2)
    assert rank_stability({"a": [1.0] * 5, "b": [2.0] * 5}, higher_is_better=True).ranks == (2, 1)


def test_kendalls_tau_counts_pairs() -> None:
    assert agreement([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx((5 - 1) / 6)
    assert agreement([1, 2], [2, 1]) == -1.0
    assert agreement([1, 1], [1, 2]) == 0.0


def test_a_board_is_analysed_as_a_whole_and_incomplete_rows_are_left_out(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    generator = np.random.default_rng(8)
    who = [f"sub-{number:02}" for number in range(1, 13)]
    base = generator.normal(29, 1.5, 12)

    def scores(values: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(who, values.tolist(), strict=True))

    add_run("identity", scores(base))
    for seed in range(3):
        add_run("pix2pix", scores(base + 2 + generator.normal(0, 0.2, 12)), seed=seed)
    add_run("cyclegan", scores(base + 0.5 + generator.normal(0, 0.2, 12)))
    add_run("partial", dict(list(scores(base).items())[:5]))
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    by_method = {row.run.method: found for row, found in zip(board.rows, statistics.rows, strict=True)}
    pix2pix, identity = by_method["pix2pix"], by_method["identity"]
    assert pix2pix is not None
    assert pix2pix.interval is not None
    assert (pix2pix.rank_interval, pix2pix.tested_rank, pix2pix.separated_from_all) == ((1, 1), 1, True)
    assert identity is not None
    assert (identity.rank_interval, identity.tested_rank, identity.separated_from_all) == (None, None, False)
    assert by_method["partial"] is None
    assert len(statistics.comparisons) == 1
    assert statistics.stability is not None
    assert (identity.over_identity, identity.gain_interval) == (None, None)
    assert pix2pix.gain_interval is not None
    assert statistics.column.higher_is_better
    by_row = {row.run.method: row for row in board.rows}
    gain = by_row["pix2pix"].cells[statistics.column].gain
    assert gain is not None
    assert gain in pix2pix.gain_interval
    assert 0.0 not in pix2pix.gain_interval


def test_the_exports_carry_what_the_statistics_say(leaderboard: Leaderboard, add_run: AddRun) -> None:
    generator = np.random.default_rng(4)
    base = generator.normal(29, 1.5, 10)
    for method, gain in (("identity", 0.0), ("pix2pix", 2.0), ("cyclegan", 1.9)):
        values = base + gain + generator.normal(0, 0.3, 10)
        add_run(method, {f"sub-{number:02}": value for number, value in enumerate(values.tolist())})
    boards = rank(leaderboard)
    statistics = analyse(boards[0])
    assert statistics is not None
    assert statistics.stability is not None
    (board,) = json.loads(to_json(boards))
    for row, found in zip(board["rows"], statistics.rows, strict=True):
        assert found is not None
        assert found.interval is not None
        assert [row["psnr_body_suv20_low"], row["psnr_body_suv20_high"]] == [found.interval.low, found.interval.high]
        if found.gain_interval is not None:
            gain_interval = [found.gain_interval.low, found.gain_interval.high]
            assert [row["psnr_body_suv20_gain_low"], row["psnr_body_suv20_gain_high"]] == gain_interval
            assert found.gain_interval.low < row["psnr_body_suv20_gain"] < found.gain_interval.high
        assert [row["rank_low"], row["rank_high"]] == list(found.rank_interval or (None, None))
        assert row["tested_rank"] == found.tested_rank
    assert [row["tested_rank"] for row in board["rows"]] == [1, 1, None]
    assert board["comparisons"][0]["adjusted_p"] == statistics.comparisons[0].adjusted_p
    assert board["mean_kendall_tau"] == statistics.stability.mean_tau
    assert (board["in_words"], board["caveats"]) == (separation(boards[0], statistics), caveats(boards[0]))
    assert "cannot be told apart" in board["in_words"]
    assert board["comparisons"][0]["interval"]["low"] == getattr(statistics.comparisons[0].interval, "low", None)


def test_a_board_with_one_participant_has_no_intervals(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("identity", {"sub-06": 29.0})
    add_run("pix2pix", {"sub-06": 31.0})
    add_run("cyclegan", {"sub-06": 30.0})
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    for row in statistics.rows:
        assert row is not None
        assert (row.interval, row.rank_interval, row.separated_from_all) == (None, None, False)
    assert {row.tested_rank for row in statistics.rows if row} == {None, 1}
    assert analyse(dataclasses.replace(board, ranked_by=None)) is None
