"""Random samples for a small dataset whose sample statistics are those of the population.

Eighteen independent samples of a spread that is known to 20 % miss it as often as not. So each variable is stratified
(one value from each of n equally likely layers, in random order) and then made to have, *in this sample*, mean 0,
variance 1 and no correlation with the blood. A dataset is therefore more alike its population than a random one of
its size: fine for comparing methods, wrong for asking how datasets of this size vary. All in plain Python floats.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from petbench_phantom.input_function import stable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

Column = list[float]


def stratified(random: np.random.Generator, count: int) -> Column:
    """Return one standard normal value from each of `count` equally likely layers, shuffled."""
    places = [(layer + float(random.random())) / count for layer in range(count)]
    order = [int(index) for index in random.permutation(count)]
    normal = NormalDist()
    return [stable(normal.inv_cdf(min(max(places[index], 1e-6), 1 - 1e-6))) for index in order]


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


def mixed(first: Column, second: Column, correlation: float) -> Column:
    """Return a column of variance 1 with the given correlation to `first`."""
    rest = math.sqrt(max(1.0 - correlation**2, 0.0))
    return [correlation * a + rest * b for a, b in zip(first, second, strict=True)]
