"""Is one method better than another on the same participants? Paired tests, corrected for how many are made.

Two tests must both find a difference. Wilcoxon's signed ranks are exact over participants, for these trained networks.
The interval of the mean difference counts what other seeds would give, and sees the one failing participant that turns
a mean round and that ranks take for one among many. The larger p of the two is corrected and decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from petbench_leaderboard.statistics.intervals import (
    FEWEST_PARTICIPANTS,
    as_table,
    interval_of,
    p_values,
    spread_of,
    stacked,
)
from petbench_leaderboard.statistics.power import SIGNIFICANCE, can_decide, detectable_difference
from petbench_leaderboard.statistics.sign_tests import permutation_p, wilcoxon_p

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.statistics.intervals import Interval, Spread, Table

Scores: TypeAlias = "Mapping[str, float | Sequence[float]]"
"""By participant: a score, or one for each seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two methods on the same participants.

    Attributes:
        first: one method.
        second: the other.
        participants: how many participants.
        difference: the mean of first minus second, in the metric's unit.
        interval: of the difference, 95 %, over participants, and over seeds where there are several; None for too few
            participants. It is not corrected for the other comparisons.
        detectable_difference: what would be found in 80 % of such studies, positive; None where nothing can be.
        wilcoxon_p: two-sided, signed ranks.
        permutation_p: two-sided, mean difference, for these trained networks.
        interval_p: two-sided, mean difference over new participants, and new seeds where there are several: the
            interval of confidence 1 − p ends at 0; None where there is no interval.
        adjusted_p: the larger of Wilcoxon's and the interval's, after Holm's correction over all comparisons made
            together.
        can_decide: whether the smallest p that so many participants can give is significant after the correction.
    """

    first: str
    second: str
    participants: int
    difference: float
    interval: Interval | None
    detectable_difference: float | None
    wilcoxon_p: float
    permutation_p: float
    interval_p: float | None
    adjusted_p: float
    can_decide: bool

    @property
    def separated(self) -> bool:
        """Whether the two are apart: the difference is significant at 5 % after correction."""
        return self.adjusted_p < SIGNIFICANCE


def compare_all(scores: Mapping[str, Scores]) -> list[Comparison]:
    """Compare every two methods and correct for all of these comparisons together.

    Args:
        scores: by method; all methods on the same participants.

    Raises:
        ValueError: two methods have other participants: nobody may be dropped to make a pair.
    """
    return compare_pairs(scores, list(combinations(scores, 2)))


def compare_pairs(scores: Mapping[str, Scores], pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Compare some pairs of methods, and correct for these comparisons together: they are one family.

    Args:
        scores: by method.
        pairs: of methods, each on the same participants.

    Raises:
        ValueError: two methods of a pair have other participants.
    """
    tables = [_tables(scores, *pair) for pair in pairs]
    differences = [first.mean(axis=0) - second.mean(axis=0) for first, second in tables]
    spreads = [spread_of(*both) for both in tables]
    wilcoxon = [wilcoxon_p(values) for values in differences]
    of_intervals = _interval_p_values(spreads)
    adjusted = holm([max(ranks, of_mean or 0.0) for ranks, of_mean in zip(wilcoxon, of_intervals, strict=True)])
    return [
        Comparison(
            first=first,
            second=second,
            participants=spreads[index].participants,
            difference=float(spreads[index].mean),
            interval=interval_of(spreads[index]),
            detectable_difference=detectable_difference(spreads[index], len(pairs)),
            wilcoxon_p=wilcoxon[index],
            permutation_p=permutation_p(differences[index]),
            interval_p=of_intervals[index],
            adjusted_p=adjusted[index],
            can_decide=can_decide(spreads[index].participants, len(pairs)),
        )
        for index, (first, second) in enumerate(pairs)
    ]


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


def _interval_p_values(spreads: Sequence[Spread]) -> list[float] | list[None]:
    if not spreads or spreads[0].participants < FEWEST_PARTICIPANTS:
        return [None] * len(spreads)
    return [float(p) for p in p_values(stacked(spreads))]


def _tables(scores: Mapping[str, Scores], first: str, second: str) -> tuple[Table, Table]:
    """Return the scores of two methods, shape (seeds, participants) each, the participants in one order."""
    if scores[first].keys() != scores[second].keys():
        raise ValueError(f"{first} and {second} were scored on other participants: compare them on the same ones")
    one, two = ([np.atleast_1d(scores[name][who]) for who in scores[first]] for name in (first, second))
    return as_table(np.stack(one, axis=1)), as_table(np.stack(two, axis=1))
