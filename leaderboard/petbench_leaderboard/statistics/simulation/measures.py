"""How often an interval holds the truth, how often a test errs, how often a difference is found: shares of datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics.intervals import half_widths, p_values, spread_of
from petbench_leaderboard.statistics.paired import compare_all
from petbench_leaderboard.statistics.power import SIGNIFICANCE, detectable_difference
from petbench_leaderboard.statistics.ranks import rank_intervals
from petbench_leaderboard.statistics.sign_tests import permutation_p, wilcoxon_p
from petbench_leaderboard.statistics.simulation.scenarios import draw_family, draw_method, draw_pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_leaderboard.statistics.intervals import Spread, Table
    from petbench_leaderboard.statistics.simulation.scenarios import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsOfTests:
    """Shares of datasets in which two methods of one true mean come out different at 5 %.

    Attributes:
        wilcoxon: by Wilcoxon's signed ranks alone.
        permutation: by the permutation test of the mean alone.
        apart: by what the board goes by: signed ranks, and the interval.
    """

    wilcoxon: float
    permutation: float
    apart: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsOfFamily:
    """Shares of datasets of several methods.

    Attributes:
        any_false: at least two methods of one true mean come out apart, or two in the wrong order.
        ranks_held: every method's rank interval holds all ranks that its true mean may take, all at once.
    """

    any_false: float
    ranks_held: float


def mean_coverage(setting: Setting, datasets: int, generator: np.random.Generator) -> float:
    """Return how often the interval of a mean holds the true mean."""
    return float(np.mean(~_leaves_out_0(spread_of(draw_method(setting, datasets, generator)))))


def difference_coverage(setting: Setting, datasets: int, generator: np.random.Generator) -> float:
    """Return how often the interval of a paired difference holds the true difference."""
    return float(np.mean(~_leaves_out_0(spread_of(*draw_pair(setting, datasets, generator)))))


def median_width(setting: Setting, datasets: int, generator: np.random.Generator) -> float:
    """Return the median half width of the interval of a mean, in standard deviations of participants."""
    below, above = half_widths(spread_of(draw_method(setting, datasets, generator)))
    return float(np.median((below + above) / 2.0))


def errors_of_tests(setting: Setting, datasets: int, generator: np.random.Generator) -> ErrorsOfTests:
    """Return how often one comparison by itself says that two methods of one true mean differ."""
    first, second = draw_pair(setting, datasets, generator)
    differences = first.mean(axis=1) - second.mean(axis=1)
    wilcoxon = _significant([wilcoxon_p(values) for values in differences])
    return ErrorsOfTests(
        wilcoxon=float(np.mean(wilcoxon)),
        permutation=float(np.mean(_significant([permutation_p(values) for values in differences]))),
        apart=float(np.mean(wilcoxon & _leaves_out_0(spread_of(first, second)))),
    )


def errors_of_family(
    setting: Setting, means: Sequence[float], datasets: int, generator: np.random.Generator
) -> ErrorsOfFamily:
    """Return how often the comparisons of all of some methods, corrected together, say something false."""
    truth = np.asarray(means, dtype=np.float64)
    tables = draw_family(setting, truth, datasets, generator)
    names = [str(place) for place in range(len(truth))]
    best = {name: 1 + int((truth > mean).sum()) for name, mean in zip(names, truth, strict=True)}
    worst = {name: len(truth) - int((truth < mean).sum()) for name, mean in zip(names, truth, strict=True)}
    wrong, held = 0, 0
    for dataset in range(datasets):
        comparisons = compare_all({name: _scores(table[dataset]) for name, table in zip(names, tables, strict=True)})
        wrong += any(
            found.separated and not found.difference * (truth[int(found.first)] - truth[int(found.second)]) > 0
            for found in comparisons
        )
        ranks = rank_intervals(names, comparisons, higher_is_better=True)
        held += all(ranks[name][0] <= best[name] and worst[name] <= ranks[name][1] for name in names)
    return ErrorsOfFamily(any_false=wrong / datasets, ranks_held=held / datasets)


def power_at_the_detectable_difference(
    setting: Setting, comparisons: int, datasets: int, generator: np.random.Generator
) -> float | None:
    """Return how often the smallest detectable difference is found where it is the true one; None where none is.

    The difference is what studies of this kind give in the median.
    """
    first, second = draw_pair(setting, datasets, generator)
    stated = [
        detectable_difference(spread_of(one, other), comparisons)
        for one, other in zip(first[:_STUDIES], second[:_STUDIES], strict=True)
    ]
    found = [value for value in stated if value is not None]
    if not found:
        return None
    first = first + float(np.median(found))
    differences = first.mean(axis=1) - second.mean(axis=1)
    ranks = np.array([wilcoxon_p(values) for values in differences])
    larger = np.maximum(ranks, p_values(spread_of(first, second)))
    return float(np.mean(larger * comparisons < SIGNIFICANCE))


_STUDIES = 200


def _leaves_out_0(spread: Spread) -> NDArray[np.bool_]:
    below, above = half_widths(spread)
    return np.asarray((spread.mean - below > 0.0) | (spread.mean + above < 0.0))


def _significant(p_values: Sequence[float]) -> NDArray[np.bool_]:
    return np.asarray(p_values) < SIGNIFICANCE


def _scores(table: Table) -> dict[str, list[float]]:
    return {str(place): scores for place, scores in enumerate(table.T.tolist())}
