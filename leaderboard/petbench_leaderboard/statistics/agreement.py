"""Agreement of paired values: Bland–Altman limits with their intervals, proportional bias, and Lin's concordance.

The unit is the person: where somebody has several values, all persons count alike, and intervals and tests are over
persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from petbench_leaderboard.statistics.clusters import (
    jackknife_error,
    numbered,
    one_difference_spread,
    person_means,
    person_weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Interval = tuple[float, float]

NORMAL = 1.96
"""SDs on either side of the mean that hold 95 % of a normal distribution: what the limits of agreement are."""


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Agreement over participants: mean difference, the SD of one, and the limits mean ± 1.96 SD; None for just one.

    The intervals are of 95 %, for normal differences: that of the mean is Student's, those of the limits are exact
    where everybody has one value.
    """

    count: int
    mean: float
    standard_deviation: float | None
    low: float | None
    high: float | None
    mean_interval: Interval | None = None
    low_interval: Interval | None = None
    high_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class ProportionalBias:
    """Whether differences grow with the size: the slope of difference on mean, and p of its being 0."""

    slope: float
    p: float


@dataclass(frozen=True, slots=True)
class Concordance:
    """Lin's coefficient, Pearson's correlation beside it, and the coefficient's 95 % interval where there is one."""

    count: int
    value: float
    pearson: float
    interval: Interval | None


def bland_altman(differences: Sequence[float], people: Sequence[str] | None = None) -> BlandAltman:
    """Return the limits of agreement of single differences (Bland & Altman, Lancet 1986;327:307).

    The intervals of the limits are the exact ones of Carkeet (Optom Vis Sci 2015;92:e71), from the non-central t
    distribution: Bland and Altman's own approximation is too narrow outwards for few participants. Where somebody has
    several differences, mean and its interval are of the persons' means, the SD is that of one difference, and its
    degrees of freedom take the place of Carkeet's: see `one_difference_spread`.

    Args:
        differences: at least one.
        people: whose each is; every one another person's if not given.

    Raises:
        ValueError: no difference at all.
    """
    if not differences:
        raise ValueError("limits of agreement need at least one participant")
    values, person = np.asarray(differences, dtype=np.float64), numbered(people, len(differences))
    means = person_means(values, person)
    mean = float(means.mean())
    if len(means) < 2:
        return BlandAltman(len(means), mean, None, None, None)
    spread, degrees, of_means = one_difference_spread(values, person)
    error = of_means / len(means) ** 0.5
    student = _student(len(means)) * error
    if error > 0.0:  # how many single differences would give the mean as surely
        near, far = (factor * error for factor in _limit_factors((spread / error) ** 2, degrees))
    else:
        near = far = NORMAL * spread
    return BlandAltman(
        len(means),
        mean,
        spread,
        mean - NORMAL * spread,
        mean + NORMAL * spread,
        mean_interval=(mean - student, mean + student),
        low_interval=(mean - far, mean - near),
        high_interval=(mean + near, mean + far),
    )


@cache
def _student(count: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.975, count - 1))


@cache
def _limit_factors(count: float, degrees: float) -> tuple[float, float]:
    """Return what reaches, in standard errors from the mean, the ends of the upper limit's interval."""
    from scipy import stats

    limit = stats.nct(degrees, NORMAL * count**0.5)
    return float(limit.ppf(0.025)), float(limit.ppf(0.975))


def proportional_bias(
    predicted: Sequence[float], real: Sequence[float], people: Sequence[str] | None = None
) -> ProportionalBias | None:
    """Return the slope of the differences on the means (Bland & Altman, Stat Methods Med Res 1999;8:135, section 3.2).

    None for fewer than three participants, or means that do not differ. Where somebody has several values, the slope is
    that of all with every person weighing the same, and its standard error that of the jackknife over persons.
    """
    from scipy import stats

    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(real, dtype=np.float64)
    means, differences = (first + second) / 2.0, first - second
    person = numbered(people, len(means))
    count = len(np.unique(person))
    if count < 3 or np.ptp(means) == 0.0:
        return None
    if count == len(means):
        fitted = stats.linregress(means, differences)
        p = float(fitted.pvalue)
        return ProportionalBias(float(fitted.slope), p if np.isfinite(p) else 1.0)

    def slope(kept: NDArray[np.bool_]) -> float | None:
        weights = person_weights(np.unique(person[kept], return_inverse=True)[1])
        x = means[kept] - weights @ means[kept]
        square = float(weights @ x**2)
        return float(weights @ (x * differences[kept])) / square if square > 0.0 else None

    found, error = slope(np.ones(len(means), dtype=bool)), jackknife_error(slope, person)
    if found is None or error is None:
        return None
    p = 2.0 * float(stats.t.sf(abs(found) / error, count - 1)) if error > 0.0 else float(found == 0.0)
    return ProportionalBias(found, p)


def concordance(predicted: Sequence[float], real: Sequence[float], people: Sequence[str] | None = None) -> Concordance:
    """Return Lin's concordance correlation coefficient (Biometrics 1989;45:255; interval as corrected in 2000;56:324).

    ρc = 2 s₁₂ / (s₁² + s₂² + (x̄₁ − x̄₂)²), moments over n; 1 is a copy; a constant factor or offset lowers it, but
    not Pearson's correlation. The interval is by Fisher's z, with Student's quantile for n − 1 degrees of freedom
    where Lin has the normal one: with that, of five normal participants 91 % have the truth in it, not 95 %.

    Where somebody has several values, moments weigh every person the same, and the standard error of Fisher's z is that
    of the jackknife over persons (King et al., Stat Med 2007;26:3095, for repeated measures).

    Raises:
        ValueError: fewer than three values, or neither side varies.
    """
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(real, dtype=np.float64)
    person = numbered(people, len(first))
    people_count = len(np.unique(person))
    if len(first) < 3:
        raise ValueError(f"a concordance needs at least 3 values, not {len(first)}")
    every = np.ones(len(first), dtype=bool)
    moments = _moments(first, second, person, every)
    if moments is None:
        raise ValueError("the values are all the same: there is nothing to agree in")
    value, pearson, square_shift = moments
    interval = None
    if pearson != 0.0 and abs(value) < 1.0:
        if people_count == len(first):
            interval = _lin(value, pearson, square_shift, people_count)
        else:

            def fisher(kept: NDArray[np.bool_]) -> float | None:
                of_kept = _moments(first, second, person, kept)
                return None if of_kept is None or abs(of_kept[0]) >= 1.0 else float(np.arctanh(of_kept[0]))

            error = jackknife_error(fisher, person)
            interval = None if error is None else _around(value, _student(people_count) * error)
    return Concordance(people_count, value, pearson, interval)


def _moments(
    first: NDArray[np.float64], second: NDArray[np.float64], person: NDArray[np.int64], kept: NDArray[np.bool_]
) -> tuple[float, float, float] | None:
    """Return Lin's coefficient, Pearson's, and (x̄₁ − x̄₂)² / (s₁ s₂) of the values that are kept; None without any."""
    x, y = first[kept], second[kept]
    weights = person_weights(np.unique(person[kept], return_inverse=True)[1])
    mean_x, mean_y = float(weights @ x), float(weights @ y)
    variances = float(weights @ (x - mean_x) ** 2), float(weights @ (y - mean_y) ** 2)
    covariance, shift = float(weights @ ((x - mean_x) * (y - mean_y))), mean_x - mean_y
    whole = sum(variances) + shift**2
    if not whole > 0.0:
        return None
    product = (variances[0] * variances[1]) ** 0.5
    pearson, square_shift = (covariance / product, shift**2 / product) if product > 0.0 else (0.0, np.inf)
    return 2.0 * covariance / whole, pearson, square_shift


def _around(value: float, reach: float) -> Interval:
    """Return the interval of a coefficient that reaches so far in Fisher's z."""
    middle = float(np.arctanh(value))
    return float(np.tanh(middle - reach)), float(np.tanh(middle + reach))


def _lin(value: float, pearson: float, square_shift: float, count: int) -> Interval | None:
    """Return the interval by Fisher's z; `square_shift` is (x̄₁ − x̄₂)² / (s₁ s₂)."""
    square, rest = value**2, 1.0 - value**2
    variance = (
        (1.0 - pearson**2) * square / (rest * pearson**2)
        + 2.0 * value**3 * (1.0 - value) * square_shift / (pearson * rest**2)
        - value**4 * square_shift**2 / (2.0 * pearson**2 * rest**2)
    ) / (count - 2)
    if not variance > 0.0:
        return None
    return _around(value, _student(count) * variance**0.5)
