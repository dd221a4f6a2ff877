"""How often the intervals of agreement hold the truth, and how often a slope that is 0 is taken for a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics.agreement import NORMAL, bland_altman, concordance, proportional_bias
from petbench_leaderboard.statistics.power import SIGNIFICANCE
from petbench_leaderboard.statistics.simulation.scenarios import draw_participants, variance_of

if TYPE_CHECKING:
    from petbench_leaderboard.statistics.agreement import Interval
    from petbench_leaderboard.statistics.simulation.scenarios import Scenario

BIAS, SCATTER = 0.1, 0.3
"""Mean and standard deviation of predicted minus real, where the standard deviation of the real values is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementCoverage:
    """Shares of datasets.

    Attributes:
        mean: in which the interval of the mean difference holds it.
        low: in which that of the lower limit of agreement does.
        high: in which that of the upper limit does.
        concordance: in which that of Lin's coefficient does.
        slope: in which a slope of difference on mean comes out other than 0, where it is 0.
    """

    mean: float
    low: float
    high: float
    concordance: float
    slope: float


def agreement_coverage(
    scenario: Scenario, participants: int, datasets: int, generator: np.random.Generator
) -> AgreementCoverage:
    """Draw real values, and differences distributed as the scenario says, and count.

    The slope's datasets are others: there both sides miss one true value alike, so that difference and mean have
    nothing to do with each other.
    """
    shape = (datasets, participants)
    real = generator.normal(size=shape)
    differences = BIAS + SCATTER * draw_participants(scenario, shape, generator)
    misses = SCATTER * draw_participants(scenario, (2, *shape), generator)
    variance = SCATTER**2 * variance_of(scenario)
    reach, lin = NORMAL * variance**0.5, 2.0 / (2.0 + variance + BIAS**2)
    held = np.zeros((4, datasets), dtype=bool)
    biased = np.zeros(datasets, dtype=bool)
    for place, (of_real, of_difference) in enumerate(zip(real, differences, strict=True)):
        found = bland_altman(of_difference.tolist())
        coefficient = concordance((of_real + of_difference).tolist(), of_real.tolist())
        held[:, place] = (
            _holds(found.mean_interval, BIAS),
            _holds(found.low_interval, BIAS - reach),
            _holds(found.high_interval, BIAS + reach),
            _holds(coefficient.interval, lin),
        )
        slope = proportional_bias(*(of_real + misses[:, place]).tolist())
        biased[place] = slope is not None and slope.p < SIGNIFICANCE
    mean, low, high, of_lin = held.mean(axis=1).tolist()
    return AgreementCoverage(mean=mean, low=low, high=high, concordance=of_lin, slope=float(biased.mean()))


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]
