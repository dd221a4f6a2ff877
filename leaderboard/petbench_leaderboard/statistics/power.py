"""What a comparison can find at all: how many participants a decision needs, and the smallest difference it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtrit

from petbench_leaderboard.statistics.intervals import half_widths
from petbench_leaderboard.statistics.sign_tests import attained_level

if TYPE_CHECKING:
    from petbench_leaderboard.statistics.intervals import Spread

SIGNIFICANCE = 0.05
EACH_TEST_FINDS = 0.85
"""Of the two tests that must both find a difference; together they then find it in about 80 % of studies."""

_WILCOXON_EFFICIENCY = 3.0 / np.pi  # against t, normal differences (Hodges & Lehmann, Ann Math Stat 1956;27:324)


def can_decide(participants: int, comparisons: int) -> bool:
    """Return whether the smallest possible p, 2 / 2ⁿ, is significant after the correction for so many comparisons."""
    return comparisons > 0 and 2.0 ** (1 - participants) * comparisons <= SIGNIFICANCE


def fewest_participants(comparisons: int) -> int:
    """Return how many participants it takes until anything can be decided."""
    participants = 1
    while not can_decide(participants, comparisons):
        participants += 1
    return participants


def detectable_difference(spread: Spread, comparisons: int) -> float | None:
    """Return what is found in about 80 % of studies like this one, at 5 % two-sided, after the correction.

    Both tests must find it, each in 85 %; the one that needs more counts. Signed ranks need √(π/3) · (t(1 − a/2) +
    t(0.85)) · s/√n with n − 1 degrees of freedom: s is the standard deviation of the differences, a the largest p that
    n participants can give at or below α, and α is 5 % divided by the number of comparisons. Where a is 2/2ⁿ, all
    differences must have one sign, which takes s · Φ⁻¹(0.85^(1/n)). The mean needs half the width of its interval of
    confidence 1 − α, and Φ⁻¹(0.85) standard errors.

    Args:
        spread: of the differences.
        comparisons: how many are corrected for.

    Returns:
        In the metric's unit, positive; None where nothing can be decided.
    """
    participants = spread.participants
    if not can_decide(participants, comparisons):
        return None
    level = attained_level(participants, SIGNIFICANCE / comparisons)
    if level is None:
        return None
    freedom = participants - 1
    alone, together = float(np.sqrt(spread.participant_variance)), float(np.sqrt(spread.variance))
    if level <= 2.0 ** (1 - participants):
        found = float(ndtri(EACH_TEST_FINDS ** (1.0 / participants))) * alone * float(np.sqrt(participants))
    else:
        quantiles = float(stdtrit(freedom, 1.0 - level / 2.0) + stdtrit(freedom, EACH_TEST_FINDS))
        found = quantiles * alone / float(np.sqrt(_WILCOXON_EFFICIENCY))
    below, above = half_widths(spread, 1.0 - SIGNIFICANCE / comparisons)
    return max(
        found + float(ndtri(EACH_TEST_FINDS)) * (together - alone),
        float(below + above) / 2.0 + float(ndtri(EACH_TEST_FINDS)) * together,
    )
