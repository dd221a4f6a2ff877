"""What the intervals and tests of a board promise, each bound with the datasets that it holds for.

`petbench_leaderboard.statistics.simulation` draws such datasets; tests hold every number here against what it finds,
and the page that it writes shows both. The keys are the simulation's distributions of participants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST, MOST = 3, 40
"""Participants of the datasets that the promises are about; seeds are one to five."""

COVERAGE: Mapping[str, float] = {"normal": 0.95, "skewed": 0.93, "very skewed": 0.87, "failures": 0.89}
"""The least share of datasets whose 95 % interval holds the truth: of a mean, and of a paired difference.

Seeds spread by up to as much as participants. With one seed it is the truth of that training.
"""

FALSELY_APART: Mapping[str, float] = {"normal": 0.05, "skewed": 0.05, "very skewed": 0.1, "failures": 0.1}
"""The largest share of datasets in which two methods of one true mean, compared by themselves, come out apart."""

FAMILY_ERROR = 0.05
"""The largest share of datasets of several methods in which any two come out apart falsely, or in the wrong order.

Every rank interval then holds every rank that its method may truly have, in all other datasets.
"""

DETECTED = (0.7, 0.85)
"""The share of normal datasets with one seed in which the smallest detectable difference, where true, is found."""

AGREEMENT = 0.95
"""The least share of datasets with normal differences in which the intervals of a mean difference, of either limit of
agreement and of a concordance hold the truth. Of other differences nothing is promised."""

SLOPE_ERROR: Mapping[str, float] = {"normal": 0.05, "skewed": 0.07, "very skewed": 0.1, "failures": 0.08}
"""The largest share of datasets in which a slope of difference on mean that is 0 has a p below 5 %."""
