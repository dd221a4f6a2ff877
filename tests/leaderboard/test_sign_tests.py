"""The exact tests against all 2ⁿ choices of signs, one by one, and against SciPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from petbench_leaderboard.statistics.sign_tests import attained_level, permutation_p, wilcoxon_p

KINDS = ("untied", "tied", "zeros", "ties and zeros", "one sign", "all zero")


def drawn(kind: str, participants: int, generator: np.random.Generator) -> np.ndarray:
    values = generator.normal(0.4, 1.0, participants)
    if kind in ("tied", "ties and zeros"):
        values = np.rint(2.0 * values) / 2.0
    if kind == "tied":
        values[values == 0.0] = 0.5
    if kind == "zeros":
        values[generator.random(participants) < 0.3] = 0.0
    if kind == "one sign":
        values = np.ones(participants)
    return np.zeros(participants) if kind == "all zero" else values


def share_as_far(values: np.ndarray, scores: np.ndarray) -> float:
    """Return in how many of all choices of signs the sum of signed scores is as far from 0 as it is."""
    signs = np.array(list(product((-1.0, 1.0), repeat=len(values))))
    return float(np.mean(np.abs(signs @ scores) >= abs(np.sign(values) @ scores) - 1e-9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("participants", range(1, 13))
def test_wilcoxon_and_permutation_p_equal_a_full_enumeration_of_signs(participants: int, kind: str) -> None:
    generator = np.random.default_rng(100 * participants + KINDS.index(kind))
    for _ in range(4):
        values = drawn(kind, participants, generator)
        ranks = np.where(values == 0.0, 0.0, stats.rankdata(np.abs(values)))  # Pratt: zeros are ranked, then dropped
        assert wilcoxon_p(values) == pytest.approx(share_as_far(values, ranks))
        assert permutation_p(values) == pytest.approx(share_as_far(values, np.abs(values)))


@pytest.mark.parametrize("participants", range(1, 51))
def test_no_p_is_below_what_the_number_of_participants_and_zeros_allows(participants: int) -> None:
    generator = np.random.default_rng(participants)
    for values in (np.ones(participants), np.arange(1.0, participants + 1), generator.normal(3.0, 1.0, participants)):
        for zeros in range(min(3, participants)):
            values[:zeros] = 0.0
            least = 2.0 ** (1 - (participants - zeros))
            assert wilcoxon_p(values) >= least * (1.0 - 1e-12)
            assert permutation_p(values) >= least * (1.0 - 1e-12)


def test_five_times_one_gives_the_p_of_five_signs_alike() -> None:
    assert wilcoxon_p(np.ones(5)) == 0.0625
    assert permutation_p(np.ones(5)) == 0.0625


def test_equal_scores_are_never_different() -> None:
    assert wilcoxon_p(np.zeros(8)) == 1.0
    assert permutation_p(np.zeros(8)) == 1.0
    assert permutation_p(np.ones(1)) == 1.0
    assert wilcoxon_p(np.array([0.0, 0.0, 1.0, 1.0, -1.0])) == 1.0


@pytest.mark.parametrize("participants", [14, 25, 40, 50, 99])
def test_without_ties_wilcoxon_is_scipys_exact_test(participants: int) -> None:
    values = np.random.default_rng(participants).normal(0.3, 1.0, participants)
    assert wilcoxon_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_with_more_participants_than_are_counted_out_wilcoxon_is_the_normal_approximation() -> None:
    values = np.random.default_rng(3).normal(0.2, 1.0, 120)
    assert wilcoxon_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, abs=1e-4)


@pytest.mark.parametrize("participants", [20, 30])
def test_the_permutation_test_is_exact_up_to_thirty_participants(participants: int) -> None:
    values = np.random.default_rng(participants).normal(0.3, 1.0, participants)
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (200_000, participants))
    as_far = np.mean(np.abs(signs @ values) >= abs(values.sum()))
    assert permutation_p(values) == pytest.approx(as_far, abs=4.0 * np.sqrt(as_far / 200_000))


def test_of_more_participants_signs_are_drawn_as_scipy_draws_them() -> None:
    values = np.random.default_rng(5).normal(0.3, 1.0, 45)
    drawn_by_scipy = stats.permutation_test(
        (values,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9999,
        rng=np.random.default_rng(2),
    )
    assert permutation_p(values) == pytest.approx(drawn_by_scipy.pvalue, abs=0.01)
    assert permutation_p(values) == permutation_p(values)


@pytest.mark.parametrize("participants", [6, 8, 12])
@pytest.mark.parametrize("level", [0.05, 0.05 / 3, 0.05 / 28, 1.0])
def test_the_attained_level_is_the_largest_possible_p_that_is_not_above(participants: int, level: float) -> None:
    ranks = np.arange(1.0, participants + 1)
    signs = np.array(list(product((-1.0, 1.0), repeat=participants)))
    sums = np.abs(signs @ ranks)
    possible = {float(np.mean(sums >= value)) for value in sums}
    expected = max((p for p in possible if p <= level), default=None)
    found = attained_level(participants, level)
    assert found == (expected if expected is None else pytest.approx(expected))
