"""Several values of one person, such as sessions or lesions: they are no independent observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def numbered(people: Sequence[str] | None, count: int) -> NDArray[np.int64]:
    """Return the number of each value's person, from 0; every value is of another where nobody is named.

    Raises:
        ValueError: not one person a value.
    """
    if people is None:
        return np.arange(count)
    if len(people) != count:
        raise ValueError(f"{count} values are of {len(people)} people; name the person of each")
    return np.unique(np.asarray(people, dtype=str), return_inverse=True)[1].astype(np.int64)


def person_weights(person: NDArray[np.int64]) -> Numbers:
    """Return the weight of each value, so that every person counts once; they sum to 1."""
    counts = np.bincount(person)
    return np.asarray(1.0 / (counts[person] * len(counts)), dtype=np.float64)


def person_means(values: Numbers, person: NDArray[np.int64]) -> Numbers:
    """Return the mean of each person's values."""
    return np.asarray(np.bincount(person, values) / np.bincount(person), dtype=np.float64)


def one_difference_spread(values: Numbers, person: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return the standard deviation of one value of a person, its degrees of freedom, and that of the persons' means.

    The variance is that of the means, and of what their own values add to one value that is not averaged: s̄² +
    (1 − 1/m) s_w², m the harmonic mean of the numbers of values (Bland & Altman, J Biopharm Stat 2007;17:571; Zou, Stat
    Methods Med Res 2013;22:630). The degrees of freedom are Satterthwaite's.
    """
    means, counts = person_means(values, person), np.bincount(person)
    people, count = len(counts), len(values)
    between = float(np.var(means, ddof=1))
    if count == people:
        return between**0.5, people - 1.0, between**0.5
    within = float(((values - means[person]) ** 2).sum()) / (count - people)
    added = (1.0 - float((1.0 / counts).mean())) * within
    total = between + added
    degrees = total**2 / (between**2 / (people - 1) + added**2 / (count - people)) if total > 0.0 else people - 1.0
    return total**0.5, degrees, between**0.5


def jackknife_error(statistic: Callable[[NDArray[np.bool_]], float | None], person: NDArray[np.int64]) -> float | None:
    """Return the standard error of a statistic by leaving out one person after the other.

    Args:
        statistic: of the values that a mask keeps; None where it has none of them.
        person: of each value.

    Returns:
        None where it cannot be computed without somebody.
    """
    people = int(person.max()) + 1
    found = [statistic(person != one) for one in range(people)]
    if people < 3 or any(value is None or not np.isfinite(value) for value in found):
        return None
    values = np.array(found, dtype=np.float64)
    return float(((people - 1) / people * ((values - values.mean()) ** 2).sum()) ** 0.5)
