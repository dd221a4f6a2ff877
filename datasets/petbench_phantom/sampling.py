"""Random samples of people: matched to the population's moments, or drawn independently. All in plain Python floats.

Eighteen independent samples of a spread that is known to 20 % miss it as often as not. So a *matched* variable is
stratified (one value from each of n equally likely layers, in random order) and then made to have, in this sample, mean
0, variance 1 and no correlation with the blood. A matched dataset is more alike its population than a random one of its
size: fine for being compared with people, wrong for asking how datasets of this size vary, and no interval over its
participants means what it says. In an *independent* sample every value is drawn by itself, and intervals hold.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

Column = list[float]

_NORMAL = NormalDist()
_FARTHEST = 3.0  # standard deviations: beyond it lie 3 people of a thousand, and bodies that no solid here fits


class Draw(Protocol):
    """Draws a column of standard normal values, one for each participant."""

    def __call__(self, random: np.random.Generator, count: int, against: Sequence[Column] = (), /) -> Column:
        """Return `count` values that have nothing to do with the columns `against`."""


def independent(random: np.random.Generator, count: int, _against: Sequence[Column] = ()) -> Column:
    """Return values that are drawn each by itself: whatever they have in common with other columns is chance."""
    return [min(max(_normal(float(random.random())), -_FARTHEST), _FARTHEST) for _ in range(count)]


def matched(random: np.random.Generator, count: int, against: Sequence[Column] = ()) -> Column:
    """Return a stratified column with sample mean 0, variance 1, uncorrelated with each column `against`.

    The columns `against` must themselves be so matched among each other.
    """
    column = stratified(random, count)
    for other in ([1.0] * count, *against):
        share = math.fsum(a * b for a, b in zip(column, other, strict=True)) / math.fsum(b * b for b in other)
        column = [a - share * b for a, b in zip(column, other, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in column) / (count - 1))
    return [stable(value / length) for value in column]


def stratified(random: np.random.Generator, count: int) -> Column:
    """Return one standard normal value from each of `count` equally likely layers, shuffled."""
    places = [(layer + float(random.random())) / count for layer in range(count)]
    order = [int(index) for index in random.permutation(count)]
    return [_normal(places[index]) for index in order]


def mixed(first: Column, second: Column, correlation: float) -> Column:
    """Return a column of variance 1 with the given correlation to `first`."""
    rest = math.sqrt(max(1.0 - correlation**2, 0.0))
    return [correlation * a + rest * b for a, b in zip(first, second, strict=True)]


def lognormal(logarithms: Column, deviation: float, draw: Draw) -> Column:
    """Return exp of a column, over its mean: the sample's own where samples are matched, else the population's.

    Args:
        logarithms: of mean 0.
        deviation: their standard deviation in the population.
        draw: how the column was drawn.
    """
    values = [math.exp(value) for value in logarithms]
    mean = math.fsum(values) / len(values) if draw is matched else math.exp(deviation**2 / 2)
    return [stable(value / mean) for value in values]


def _normal(probability: float) -> float:
    return stable(_NORMAL.inv_cdf(min(max(probability, 1e-6), 1 - 1e-6)))
