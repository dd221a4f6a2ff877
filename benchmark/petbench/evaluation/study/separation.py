"""How often two methods of known order are separated: the exact signed-rank test on many subsets of participants."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEVEL = 0.05
SUBSETS = 1000
_SEED = 20261101


@cache
def critical_rank_sum(count: int, level: float = LEVEL) -> int | None:
    """Return the smallest rank sum W+ that is significant, two-sided, for so many pairs; None where none can be.

    From the exact null distribution of W+ (Wilcoxon, Biometrics Bull 1945;1:80): each of the ranks 1 to n counts or
    not, all 2ⁿ ways alike.
    """
    ways = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways
        longer[rank:] += ways
        ways = longer
    tail = np.cumsum(ways[::-1])[::-1] / 2.0**count
    significant = np.flatnonzero(tail <= level / 2.0)
    return int(significant[0]) if len(significant) else None


def separated(differences: Array) -> NDArray[np.bool_]:
    """Return, for each row of differences, whether the test separates the two in the positive direction.

    Args:
        differences: shape (rows, pairs). Equal ones share ranks; a zero keeps its low rank and speaks for neither side,
            so that ties make the test more careful, never less.
    """
    critical = critical_rank_sum(differences.shape[1])
    if critical is None:
        return np.zeros(len(differences), dtype=bool)
    ranks = stats.rankdata(np.abs(differences), axis=1)
    return np.asarray(np.where(differences > 0.0, ranks, 0.0).sum(axis=1) >= critical)


def separation_rate(differences: Array, count: int, subsets: int = SUBSETS) -> float:
    """Return the part of random subsets of `count` participants in which the test separates the two as it should.

    Args:
        differences: of all participants, shape (participants,), positive where the order is right.
        count: participants in a subset, at most all of them.
        subsets: how many are drawn, without replacement within one; the same ones for every metric.
    """
    return float(separated(differences[_subsets(len(differences), count, subsets)]).mean())


@cache
def _subsets(participants: int, count: int, subsets: int) -> NDArray[np.intp]:
    random = np.random.Generator(np.random.Philox(_SEED))
    drawn = [random.permutation(participants)[:count] for _ in range(1 if count == participants else subsets)]
    return np.array(drawn, dtype=np.intp)
