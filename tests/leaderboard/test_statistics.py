from __future__ import annotations

import dataclasses
import json
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from petbench_leaderboard.exports import to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.statistics.analysis import analyse, separation
from petbench_leaderboard.statistics.intervals import mean_interval, standard_error
from petbench_leaderboard.statistics.paired import compare_all, holm, permutation_p, wilcoxon_p
from petbench_leaderboard.statistics.ranks import agreement, rank_stability, ranks_by_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard


def _coverage(draw: Callable[[np.random.Generator], NDArray[np.float64]], truth: float, datasets: int = 1000) -> float:
    generator = np.random.default_rng(11)
    held = 0
    for number in range(datasets):
        interval = mean_interval(draw(generator), resamples=800, seed=number)
        assert interval is not None
        held += truth in interval
    return held / datasets


@pytest.mark.parametrize("participants", [6, 18])
def test_an_interval_over_participants_holds_the_true_mean_as_often_as_it_promises(participants: int) -> None:
    assert 0.93 <= _coverage(lambda g: g.normal(30.0, 2.0, participants), 30.0) <= 0.97


def test_an_interval_of_skewed_scores_holds_the_true_mean_as_often_as_it_promises() -> None:
    assert 0.93 <= _coverage(lambda g: g.gamma(2.0, 0.1, 12), 0.2) <= 0.97


def test_an_interval_over_participants_and_seeds_holds_the_true_mean_as_often_as_it_promises() -> None:
    def draw(generator: np.random.Generator) -> NDArray[np.float64]:
        participants, seeds = generator.normal(0.0, 1.0, (1, 18)), generator.normal(0.0, 0.3, (3, 1))
        return participants + seeds + generator.normal(0.0, 0.3, (3, 18))

    assert 0.93 <= _coverage(draw, 0.0) <= 0.97
    # Participants alone, as if the seeds were all there are, hold it far too rarely: seeds must be drawn too.
    assert _coverage(lambda g: draw(g).mean(axis=0), 0.0) < 0.93


def test_an_interval_is_the_same_for_the_same_scores_and_needs_four_participants() -> None:
    scores = np.random.default_rng(3).normal(30, 1, 7)
    assert mean_interval(scores) == mean_interval(scores)
    assert mean_interval(scores[:3]) is None
    still = mean_interval([5.0] * 4)
    assert still is not None
    assert (still.low, still.high) == (5.0, 5.0)


def test_scores_with_holes_get_no_interval() -> None:
    with pytest.raises(ValueError, match="give finite numbers"):
        mean_interval([1.0, 2.0, float("nan"), 3.0])


def test_the_standard_error_is_that_of_the_mean_and_of_the_two_way_table() -> None:
    scores = np.random.default_rng(5).normal(size=(1, 9))
    assert float(standard_error(scores)) == pytest.approx(stats.sem(scores[0]))
    # Seeds that add a constant each, without noise: σ²_participants/n + σ²_seeds/r, both estimated from the margins.
    participants, seeds = np.array([1.0, 4.0, 2.0, 7.0]), np.array([[0.0], [1.0], [5.0]])
    expected = participants.var(ddof=1) / 4 + seeds.var(ddof=1) / 3
    assert float(standard_error(participants + seeds)) ** 2 == pytest.approx(expected)


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


def test_wilcoxon_and_permutation_p_equal_a_full_enumeration_of_signs() -> None:
    differences = np.array([1.2, -0.3, 2.5, 0.7, 1.9, -0.1, 3.3, 0.4])
    ranks = stats.rankdata(np.abs(differences))
    signs = np.array(list(product((-1, 1), repeat=len(differences))))
    centred = np.abs((signs * ranks).sum(axis=1))
    assert wilcoxon_p(differences) == pytest.approx(
        (centred >= abs((np.sign(differences) * ranks).sum()) - 1e-9).mean()
    )
    means = np.abs((signs * np.abs(differences)).mean(axis=1))
    assert permutation_p(differences) == pytest.approx((means >= abs(differences.mean()) - 1e-9).mean())


def test_equal_scores_are_never_different() -> None:
    assert wilcoxon_p(np.zeros(8)) == 1.0
    assert permutation_p(np.zeros(8)) == 1.0
    assert permutation_p(np.ones(1)) == 1.0
    assert wilcoxon_p(np.array([0.0, 0.0, 1.0, 1.0, -1.0])) > 0.3


def test_five_participants_never_separate_two_methods() -> None:
    better = {f"sub-{n}": 40.0 + n / 10 for n in range(5)}
    worse = dict.fromkeys(better, 20.0)
    (comparison,) = compare_all({"a": better, "b": worse})
    assert comparison.wilcoxon_p == pytest.approx(2 / 2**5)
    assert not comparison.separated


def test_methods_scored_on_other_participants_are_not_compared() -> None:
    with pytest.raises(ValueError, match="a and b were scored on other participants"):
        compare_all({"a": {"sub-01": 1.0}, "b": {"sub-02": 1.0}})


def test_methods_that_are_not_separated_share_a_rank() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(30, 2, 18)
    tables = {"good": base + 3, "alike": base + 3 + generator.normal(0, 0.5, 18), "poor": base}
    scores = {name: {f"sub-{n}": float(v) for n, v in enumerate(values)} for name, values in tables.items()}
    comparisons = compare_all(scores)
    assert ranks_by_test(list(scores), comparisons, higher_is_better=True) == {"good": 1, "alike": 1, "poor": 3}
    assert ranks_by_test(list(scores), comparisons, higher_is_better=False) == {"good": 2, "alike": 2, "poor": 1}


def test_a_clear_ranking_stays_and_an_unclear_one_has_wide_rank_intervals() -> None:
    generator = np.random.default_rng(4)
    base = generator.normal(30, 2, 18)
    clear = rank_stability({"a": base + 10, "b": base + 5, "c": base}, higher_is_better=True)
    assert (clear.ranks, clear.low, clear.high, clear.mean_tau) == ((1, 2, 3), (1, 2, 3), (1, 2, 3), 1.0)
    noise = {name: generator.normal(30, 2, 18) for name in "abc"}
    unclear = rank_stability(noise, higher_is_better=True)
    assert unclear.low is not None
    assert unclear.high is not None
    assert max(unclear.high) == 3
    assert min(unclear.low) == 1
    assert unclear.mean_tau is not None
    assert unclear.mean_tau < 0.9
    assert unclear.shares.sum(axis=1) == pytest.approx(1.0)


def test_identical_methods_tie_in_every_draw() -> None:
    scores = np.random.default_rng(6).normal(size=9)
    stability = rank_stability({"a": scores, "b": scores.copy(), "c": scores - 9}, higher_is_better=True)
    assert (stability.ranks, stability.low, stability.high) == ((1, 1, 3), (1, 1, 3), (1, 1, 3))


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
        assert [row["rank_low"], row["rank_high"]] == list(found.rank_interval or (None, None))
        assert row["tested_rank"] == found.tested_rank
    assert [row["tested_rank"] for row in board["rows"]] == [1, 1, None]
    assert board["comparisons"][0]["adjusted_p"] == statistics.comparisons[0].adjusted_p
    assert board["mean_kendall_tau"] == statistics.stability.mean_tau
    assert "nothing separates" in separation(boards[0], statistics)


def test_a_board_with_one_participant_says_that_no_test_is_possible(leaderboard: Leaderboard, add_run: AddRun) -> None:
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
