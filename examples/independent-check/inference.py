"""Intervals and tests of a board, computed again with SciPy as the protocol says."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

MOST_WIDENED = 1.5
"""How much wider than Student's t the correction for skewness may make an interval."""


def interval_of_mean(wide, confidence=0.95):
    """Return the ends of the interval of a mean over participants, and over seeds where there are several."""
    return _ends(wide.mean(axis=0).to_numpy(), [wide.to_numpy()], confidence)


def interval_of_difference(first, second, confidence=0.95):
    """Return the ends of the interval of the mean of first minus second, participant by participant."""
    differences = (first.mean(axis=0) - second.mean(axis=0)[first.columns]).to_numpy()
    return _ends(differences, [first.to_numpy(), second[first.columns].to_numpy()], confidence)


def p_of_interval(first, second):
    """Return p, two-sided: the interval of confidence 1 − p of the difference ends at 0."""
    mean = (first.mean(axis=0) - second.mean(axis=0)[first.columns]).mean()

    def reaches(log_p):
        low, high = interval_of_difference(first, second, -np.expm1(log_p))
        return low if mean > 0.0 else -high

    least = np.log(1e-12)
    if mean == 0.0 or reaches(0.0) <= 0.0:
        return 1.0
    return float(np.exp(least if reaches(least) > 0.0 else optimize.brentq(reaches, least, 0.0, xtol=1e-13)))


def wilcoxon_p(differences):
    """Return the two-sided p of Wilcoxon's signed ranks, counted out over all choices of signs (Pratt's zeros)."""
    differences = np.asarray(differences, dtype=float)
    doubled = np.rint(2.0 * stats.rankdata(np.abs(differences))).astype(int)  # mean ranks of ties are halves
    signed = doubled[differences != 0.0]
    if not len(signed):
        return 1.0
    chances = np.ones(1)
    for rank in signed:
        coin = np.zeros(rank + 1)
        coin[[0, rank]] = 0.5
        chances = np.convolve(chances, coin)
    positive = doubled[differences > 0.0].sum()
    return float(min(1.0, 2.0 * min(chances[: positive + 1].sum(), chances[positive:].sum())))


def holm(p_values):
    """Return p values after Holm's correction over all of them."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    times = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * times))
    return adjusted


def p_that_is_corrected(comparison):
    """Return which p of two methods is corrected: the larger of Wilcoxon's and that of the interval."""
    return max(comparison["wilcoxon_p"], comparison.get("interval_p") or 0.0)


def _ends(values, tables, confidence):
    """Return mean ∓ half widths: t over participants, widened for skewness, and t over seeds, added in squares."""
    count, tail = len(values), (1.0 + confidence) / 2.0
    student = stats.t.ppf(tail, count - 1)
    of_participants = values.var(ddof=1) / count
    of_seeds, freedom = _seeds([table for table in tables if len(table) > 1])
    more = stats.t.ppf(tail, freedom) ** 2 * of_seeds if of_seeds > 0.0 else 0.0
    skewness = 0.0 if np.ptp(values) == 0.0 else stats.skew(values)

    def half(side):
        widened = np.clip(side * _hall(side * student, skewness, count), student, MOST_WIDENED * student)
        return np.sqrt(widened**2 * of_participants + more)

    return values.mean() - half(1.0), values.mean() + half(-1.0)


def _hall(quantile, skewness, count):
    """Return a quantile of the studentised mean of skewed values (Hall, J R Stat Soc B 1992;54:221)."""
    if abs(skewness) < 1e-6:
        return quantile
    root = np.sqrt(count)
    inner = 1.0 + skewness * (quantile / root - skewness / (6.0 * count))
    return 3.0 * root / skewness * (np.cbrt(inner) - 1.0)


def _seeds(tables):
    """Return the variance of the mean that seeds give, and its degrees of freedom (Welch, Biometrika 1947;34:28)."""
    variances, freedoms = [], []
    for table in tables:
        seeds, count = table.shape
        between = count * table.mean(axis=1).var(ddof=1)
        rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        within = (rest**2).sum() / ((seeds - 1) * max(count - 1, 1))
        variances.append(max(between - within, 0.0) / (seeds * count))
        freedoms.append(seeds - 1)
    total = sum(variances)
    if total <= 0.0:
        return 0.0, 1.0
    return total, total**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
