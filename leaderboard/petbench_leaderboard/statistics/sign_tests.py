"""Two exact tests of paired differences that ask nothing of their distribution but symmetry around 0.

Where two methods are alike, each difference might as well have had the other sign. All 2ⁿ choices of signs are equally
likely, and p is the share of them that is at least as far from 0 as what was seen: no p can be below 2 / 2ⁿ, ties and
zeros or not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_RANKS = 100
"""Participants up to whom the distribution of Wilcoxon's statistic is counted out; beyond, it is normal to 1e-4."""

EXACT_SUMS = 30
"""Participants up to whom all sums of differences are counted; beyond, 9,999 are drawn."""

_DRAWN = 9999
_SEED = 20_240_607
_ROUNDING = 1e-12


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; ties share their mean rank.

    Zeros keep their ranks and have no sign (Pratt, J Am Stat Assoc 1959;54:655).
    """
    signed = differences != 0
    if not np.any(signed):
        return 1.0
    if np.count_nonzero(signed) > EXACT_RANKS:
        return float(stats.wilcoxon(differences, zero_method="pratt", method="approx").pvalue)
    doubled = np.rint(2.0 * stats.rankdata(np.abs(differences))).astype(int)  # mean ranks are halves
    below, above = _tails(tuple(sorted(doubled[signed].tolist())))
    positive = int(doubled[differences > 0].sum())
    return float(min(1.0, 2.0 * min(below[positive], above[positive])))


def permutation_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the sign-flip permutation test of the mean (Fisher 1935)."""
    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return 1.0
    if len(sizes) > EXACT_SUMS:
        drawn = _drawn_signs(len(sizes)) @ sizes
        as_far = np.count_nonzero(np.abs(drawn) >= abs(float(differences.sum())) - _ROUNDING * float(sizes.sum()))
        return float((as_far + 1) / (_DRAWN + 1))  # the signs as they are count too (Phipson & Smyth 2010)
    seen = abs(float(differences.sum())) - _ROUNDING * float(sizes.sum())
    if seen <= 0.0:
        return 1.0
    half = len(sizes) // 2
    left, right = np.sort(_sums(sizes[:half])), _sums(sizes[half:])  # every sum is one of the left and one of the right
    as_far = (len(left) - np.searchsorted(left, seen - right)).sum()
    return float(2.0 * as_far / 2.0 ** len(sizes))


@lru_cache(maxsize=256)
def attained_level(participants: int, level: float) -> float | None:
    """Return the largest p at or below `level` that Wilcoxon's test can give without ties; None where all are above."""
    if participants > EXACT_RANKS:
        return level
    below, _ = _tails(tuple(range(2, 2 * participants + 1, 2)))
    possible = np.unique(np.minimum(1.0, 2.0 * below[::2]))
    possible = possible[possible <= level]
    return float(possible[-1]) if len(possible) else None


@lru_cache(maxsize=256)
def _tails(doubled_ranks: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return P(W ≤ w) and P(W ≥ w) for every w, where W is the sum of the ranks that get a plus by a fair coin."""
    chances = np.zeros(sum(doubled_ranks) + 1)
    chances[0] = 1.0
    for rank in doubled_ranks:
        with_plus = np.zeros_like(chances)
        with_plus[rank:] = chances[:-rank]
        chances = (chances + with_plus) / 2.0
    return np.cumsum(chances), np.cumsum(chances[::-1])[::-1]


@lru_cache(maxsize=8)
def _drawn_signs(participants: int) -> NDArray[np.float64]:
    """Return so many choices of signs, the same whenever asked: shape (9999, participants)."""
    return np.random.default_rng(_SEED).choice([-1.0, 1.0], (_DRAWN, participants))


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of all choices of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
