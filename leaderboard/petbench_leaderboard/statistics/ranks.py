"""How sure a ranking is: the ranks that the tests leave possible, and the ranks that resampled participants give.

A rank interval follows from the comparisons of every two methods: a method that k others are significantly better than
is no better than rank k + 1, one that is significantly better than k others leaves at least k ranks below it. All
intervals hold together as often as the tests make no mistake (Al Mohamad, Goeman & van Zwet, arXiv:1812.05507).

The picture of a ranking's stability draws participants with replacement, the same ones for every method, and seeds for
each method by itself, and ranks every draw. After Wiesenfarth et al., Sci Rep 2021;11:2369 (challengeR), written anew
from the paper, with seeds added. It shows and promises nothing: of methods that are truly alike it draws a narrow band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from petbench_leaderboard.statistics.intervals import as_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from petbench_leaderboard.statistics.intervals import Table
    from petbench_leaderboard.statistics.paired import Comparison

_RESAMPLES = 1000
_SEED = 20_240_607


@dataclass(frozen=True, slots=True, kw_only=True)
class RankStability:
    """The ranks of all methods over all draws.

    Attributes:
        methods: in the order given.
        ranks: of the scores as they are; 1 is best, ties share the smallest.
        shares: how often each method took each rank, shape (methods, ranks), rows sum to 1.
        taus: Kendall's tau-b of each draw's ranking with the ranking as it is; empty for fewer than two methods.
    """

    methods: tuple[str, ...]
    ranks: tuple[int, ...]
    shares: NDArray[np.float64]
    taus: NDArray[np.float64]

    @property
    def mean_tau(self) -> float | None:
        """How much like the ranking the draws' rankings are: 1 is always the same."""
        return float(self.taus.mean()) if self.taus.size else None


def rank_stability(
    scores: Mapping[str, ArrayLike],
    *,
    higher_is_better: bool,
    resamples: int = _RESAMPLES,
    seed: int = _SEED,
) -> RankStability:
    """Rank methods by their means, and rank them again on resampled participants and seeds.

    Args:
        scores: by method, shape (participants,) or (seeds, participants); the same participants in the same order for
            all.
        higher_is_better: the metric's direction.
        resamples: how many rankings to draw.
        seed: of the draws.

    Raises:
        ValueError: the methods have unlike numbers of participants, or a score is missing.
    """
    tables = {method: as_table(values) for method, values in scores.items()}
    sizes = {table.shape[1] for table in tables.values()}
    if len(sizes) != 1:
        raise ValueError("the methods were scored on unlike numbers of participants: rank them on the same ones")
    sign = -1.0 if higher_is_better else 1.0
    means = np.array([table.mean() for table in tables.values()])
    ranks = _ranked(sign * means[None])[0]
    drawn = _ranked(sign * _drawn_means(list(tables.values()), resamples, np.random.default_rng(seed)))
    shares = np.stack([(drawn == rank).mean(axis=0) for rank in range(1, len(tables) + 1)], axis=1)
    return RankStability(
        methods=tuple(tables),
        ranks=tuple(ranks.tolist()),
        shares=shares,
        taus=np.array([agreement(ranks, other) for other in drawn]) if len(tables) > 1 else np.empty(0),
    )


def rank_intervals(
    methods: Sequence[str], comparisons: Sequence[Comparison], *, higher_is_better: bool, ranked: int | None = None
) -> dict[str, tuple[int, int]]:
    """Return the ranks of each method that the tests leave possible; methods that are not separated share the lower.

    Args:
        methods: those that were compared with each other.
        comparisons: of every two of them.
        higher_is_better: the metric's direction.
        ranked: how many methods have a rank, those that were not compared included; as many as `methods` by default.
    """
    better, worse = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0)
    for comparison in comparisons:
        if comparison.separated:
            pair = (comparison.first, comparison.second)
            winner, loser = pair if (comparison.difference > 0) == higher_is_better else pair[::-1]
            better[loser] += 1
            worse[winner] += 1
    last = ranked or len(methods)
    return {method: (1 + better[method], last - worse[method]) for method in methods}


def agreement(first: ArrayLike, second: ArrayLike) -> float:
    """Return Kendall's tau-b of two rankings (Biometrika 1945;33:239): 1 alike, −1 reversed, 0 if one is all ties."""
    tau = float(stats.kendalltau(np.asarray(first), np.asarray(second)).statistic)
    return 0.0 if np.isnan(tau) else tau


def _drawn_means(tables: Sequence[Table], resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return means of resampled tables, shape (resamples, methods); one draw of participants serves all methods."""
    participants = tables[0].shape[1]
    weights = generator.multinomial(participants, np.full(participants, 1.0 / participants), resamples) / participants
    columns = []
    for table in tables:
        seeds = table.shape[0]
        of_seeds = generator.multinomial(seeds, np.full(seeds, 1.0 / seeds), resamples) / seeds
        columns.append(np.einsum("bs,sp,bp->b", of_seeds, table, weights, optimize=True))
    return np.stack(columns, axis=1)


def _ranked(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank each row, smallest cost first; means that differ by rounding alone are ties."""
    return np.asarray(stats.rankdata(np.round(costs, 10), method="min", axis=1), dtype=np.int64)
