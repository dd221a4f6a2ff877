"""Is one method better than another on the same participants? Paired tests, corrected for how many are made.

Two tests that ask nothing of the distribution but symmetry: Wilcoxon's signed ranks, and the permutation test of the
mean difference, which flips signs participant by participant. With n participants no p can be below 2 / 2ⁿ: five
participants can never separate two methods at 5 %, and no correction can change that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SIGNIFICANCE = 0.05
_PERMUTATIONS = 9999  # all of them up to 13 participants
_SEED = 20_240_607


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two methods on the same participants.

    Attributes:
        first: one method.
        second: the other.
        participants: how many participants.
        difference: the mean of first minus second, in the metric's unit.
        wilcoxon_p: two-sided, signed ranks.
        permutation_p: two-sided, mean difference.
        adjusted_p: Wilcoxon's, after Holm's correction over all comparisons made together.
    """

    first: str
    second: str
    participants: int
    difference: float
    wilcoxon_p: float
    permutation_p: float
    adjusted_p: float

    @property
    def separated(self) -> bool:
        """Whether the difference is significant at 5 % after correction."""
        return self.adjusted_p < SIGNIFICANCE


def compare_all(scores: Mapping[str, Mapping[str, float]]) -> list[Comparison]:
    """Compare every two methods and correct for all of these comparisons together.

    Args:
        scores: by method, then by participant; all methods on the same participants.

    Raises:
        ValueError: two methods have other participants: nobody may be dropped to make a pair.
    """
    pairs = list(combinations(scores, 2))
    differences = {pair: _differences(scores, *pair) for pair in pairs}
    wilcoxon = [wilcoxon_p(differences[pair]) for pair in pairs]
    return [
        Comparison(
            first=first,
            second=second,
            participants=len(differences[first, second]),
            difference=float(differences[first, second].mean()),
            wilcoxon_p=raw,
            permutation_p=permutation_p(differences[first, second]),
            adjusted_p=adjusted,
        )
        for (first, second), raw, adjusted in zip(pairs, wilcoxon, holm(wilcoxon), strict=True)
    ]


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test; zeros keep their ranks (Pratt, JASA 1959;54:655)."""
    if not np.any(differences):
        return 1.0
    exact = len(differences) <= 50 and len(np.unique(np.abs(differences))) == len(differences) and np.all(differences)
    result = stats.wilcoxon(differences, zero_method="pratt", method="exact" if exact else "approx")
    return float(result.pvalue)


def permutation_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the sign-flip permutation test of the mean (Fisher 1935); exact up to 13 people."""
    if len(differences) < 2 or not np.any(differences):
        return 1.0
    result = stats.permutation_test(
        (differences,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_PERMUTATIONS,
        rng=np.random.default_rng(_SEED),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down method, in the order given (Scand J Stat 1979;6:65).

    The k-th smallest of m is multiplied by m − k + 1 and raised to the largest before it; below α means rejected with
    a family-wise error of at most α, whatever the dependence between the tests.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _differences(scores: Mapping[str, Mapping[str, float]], first: str, second: str) -> NDArray[np.float64]:
    if scores[first].keys() != scores[second].keys():
        raise ValueError(f"{first} and {second} were scored on other participants: compare them on the same ones")
    return np.array([value - scores[second][who] for who, value in scores[first].items()], dtype=np.float64)
