"""How sure a ranking is: the ranks that other participants, and other seeds, would have given.

Participants are drawn with replacement, the same ones for every method, seeds for each method by itself; every draw is
ranked. After Wiesenfarth et al., Sci Rep 2021;11:2369 (challengeR), written anew from the paper, with seeds added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from petbench_leaderboard.statistics.intervals import CONFIDENCE, FEWEST_PARTICIPANTS, as_table

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
        low: the lower end of each method's rank interval, None where there are too few participants.
        high: the upper end.
        shares: how often each method took each rank, shape (methods, ranks), rows sum to 1.
        taus: Kendall's tau-b of each draw's ranking with the ranking as it is; empty for fewer than two methods.
    """

    methods: tuple[str, ...]
    ranks: tuple[int, ...]
    low: tuple[int, ...] | None
    high: tuple[int, ...] | None
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
    confidence: float = CONFIDENCE,
    resamples: int = _RESAMPLES,
    seed: int = _SEED,
) -> RankStability:
    """Rank methods by their means, and rank them again on resampled participants and seeds.

    Args:
        scores: by method, shape (participants,) or (seeds, participants); the same participants in the same order for
            all.
        higher_is_better: the metric's direction.
        confidence: of the rank intervals.
        resamples: how many rankings to draw.
        seed: of the draws.

    Raises:
        ValueError: the methods have unlike numbers of participants, or a score is missing.
    """
    tables = {method: as_table(values) for method, values in scores.items()}
    sizes = {table.shape[1] for table in tables.values()}
    if len(sizes) > 1:
        raise ValueError("the methods were scored on unlike numbers of participants: rank them on the same ones")
    sign = -1.0 if higher_is_better else 1.0
    means = np.array([table.mean() for table in tables.values()])
    ranks = _ranked(sign * means[None])[0] if tables else np.empty(0, int)
    if not tables or sizes.pop() < FEWEST_PARTICIPANTS:
        shares = np.zeros((len(tables), len(tables)))
        shares[np.arange(len(tables)), ranks - 1] = 1.0
        return RankStability(
            methods=tuple(tables), ranks=_integers(ranks), low=None, high=None, shares=shares, taus=np.empty(0)
        )
    drawn = _ranked(sign * _drawn_means(list(tables.values()), resamples, np.random.default_rng(seed)))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0, method="inverted_cdf")
    shares = np.stack([(drawn == rank).mean(axis=0) for rank in range(1, len(tables) + 1)], axis=1)
    return RankStability(
        methods=tuple(tables),
        ranks=_integers(ranks),
        low=_integers(low),
        high=_integers(high),
        shares=shares,
        taus=np.array([agreement(ranks, other) for other in drawn]) if len(tables) > 1 else np.empty(0),
    )


def ranks_by_test(
    methods: Sequence[str], comparisons: Sequence[Comparison], *, higher_is_better: bool
) -> dict[str, int]:
    """Return 1 + the number of methods that are significantly better: methods that are not separated share a rank."""
    beaten = dict.fromkeys(methods, 0)
    for comparison in comparisons:
        if comparison.separated and comparison.difference != 0:
            first_is_better = (comparison.difference > 0) == higher_is_better
            beaten[comparison.second if first_is_better else comparison.first] += 1
    return {method: 1 + times for method, times in beaten.items()}


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


def _integers(values: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
