"""Intervals of a mean over participants and seeds, and of the difference of two means over the same participants.

Runs with several seeds form a crossed table, seeds by participants: every seed predicts every participant. A mean
varies with whom one draws and with how the training went; the two-way analysis of variance tells the two apart. An
interval says what to expect of new participants *and*, from two seeds on, of new seeds:

- Participants: Student's t on each participant's mean over the seeds, widened on the side of the longer tail by Hall's
  correction for skewness (J R Stat Soc B 1992;54:221), never made narrower than t nor wider than half as much again.
  No resampling: the same numbers give the same interval anywhere, and it cannot run away with few participants.
- Seeds: they have a t of their own, with their own degrees of freedom, and the two half widths add in squares (Howe,
  J Am Stat Assoc 1974;69:789). One number of degrees of freedom for both, after Satterthwaite, covers too rarely with
  two seeds: whenever their spread happens to come out small. Only the seeds of two methods share one (Welch,
  Biometrika 1947;34:28).

With one seed nothing is known of other seeds: the interval speaks of this one training. How often the intervals hold
what they promise is in `petbench_leaderboard.statistics.promises`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Table: TypeAlias = "NDArray[np.float64]"
"""Scores, shape (seeds, participants)."""

FEWEST_PARTICIPANTS = 3
"""Below this there is no interval: one spread from two numbers, and no skewness, say next to nothing."""

CONFIDENCE = 0.95
MOST_WIDENED = 1.5
"""How much wider than Student's t the correction for skewness may make an interval on either side."""

_LEAST_LOG_P = -27.6  # log 1e-12
_HALVINGS = 32


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a mean, or of a difference of means."""

    low: float
    high: float
    confidence: float = CONFIDENCE

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def reversed(self) -> Interval:
        """Return the interval of the negative: of second minus first in place of first minus second."""
        return Interval(-self.high, -self.low, self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A mean, or a difference of means, and what it varies by. Every array has the same shape: that of the problems.

    Attributes:
        participants: how many.
        mean: the mean itself.
        skewness: of the participants, g₁ = m₃ / m₂^1.5; 0 where they are all alike.
        participant_variance: of the mean, from whom one draws: s² / n.
        seed_variance: of the mean, from how the trainings went; 0 where no table has several seeds.
        seed_freedom: degrees of freedom of that, at least 1.
    """

    participants: int
    mean: NDArray[np.float64]
    skewness: NDArray[np.float64]
    participant_variance: NDArray[np.float64]
    seed_variance: NDArray[np.float64]
    seed_freedom: NDArray[np.float64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """Of the mean, from participants and seeds together."""
        return np.asarray(self.participant_variance + self.seed_variance)


def mean_interval(scores: ArrayLike, *, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the mean, None where there are fewer than three participants.

    Args:
        scores: shape (participants,) or (seeds, participants), nothing missing.
        confidence: the share of datasets whose interval is to hold the true mean.
    """
    return interval_of(spread_of(as_table(scores)), confidence)


def difference_interval(first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the mean of first minus second, participant by participant.

    The seeds of the one and of the other are trainings of their own and are not paired, whatever their numbers.

    Args:
        first: shape (participants,) or (seeds, participants).
        second: the same participants in the same order; as many seeds as it has.
        confidence: the share of datasets whose interval is to hold the true difference.
    """
    return interval_of(spread_of(as_table(first), as_table(second)), confidence)


def as_table(scores: ArrayLike) -> Table:
    """Return scores as float64 of shape (seeds, participants); one seed for a plain list of participants.

    Raises:
        ValueError: a score is missing or infinite, or the shape is another.
    """
    table = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if table.ndim != 2 or not np.isfinite(table).all():
        raise ValueError(
            f"scores of shape {np.shape(scores)}: give finite numbers as (participants,) or (seeds, participants)"
        )
    return table


def spread_of(first: Table, second: Table | None = None) -> Spread:
    """Return the mean of tables of shape (..., seeds, participants), or of first minus second, and its spread."""
    tables = [first] if second is None else [first, second]
    values = first.mean(axis=-2) if second is None else first.mean(axis=-2) - second.mean(axis=-2)
    participants = values.shape[-1]
    mean = values.mean(axis=-1)
    away = values - mean[..., None]
    square, cube = (away**2).mean(axis=-1), (away**3).mean(axis=-1)
    alike = np.ptp(values, axis=-1) == 0.0
    square = np.where(alike, 0.0, square)
    seed_variance, seed_freedom = _of_seeds([table for table in tables if table.shape[-2] > 1], mean)
    return Spread(
        participants=participants,
        mean=mean,
        skewness=np.where(alike, 0.0, cube) / np.where(alike, 1.0, square) ** 1.5,
        participant_variance=square / max(participants - 1, 1),
        seed_variance=seed_variance,
        seed_freedom=seed_freedom,
    )


def stacked(spreads: Sequence[Spread]) -> Spread:
    """Return several single differences over the same participants as one problem each of one array."""

    def together(name: str) -> NDArray[np.float64]:
        return np.array([float(getattr(spread, name)) for spread in spreads])

    names = ("mean", "skewness", "participant_variance", "seed_variance", "seed_freedom")
    return Spread(participants=spreads[0].participants, **{name: together(name) for name in names})


def interval_of(spread: Spread, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of a single mean or difference."""
    if spread.participants < FEWEST_PARTICIPANTS:
        return None
    below, above = half_widths(spread, confidence)
    mean = float(spread.mean)
    return Interval(mean - float(below), mean + float(above), confidence)


def half_widths(
    spread: Spread, confidence: float | NDArray[np.float64] = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the interval reaches below and above the mean."""
    tail = (1.0 + np.asarray(confidence)) / 2.0
    student = stdtrit(spread.participants - 1, tail)
    seeds = stdtrit(spread.seed_freedom, tail) ** 2 * spread.seed_variance

    def reach(side: float) -> NDArray[np.float64]:
        skewed = side * _without_skewness(side * student, spread.skewness, spread.participants)
        widened = np.clip(skewed, student, MOST_WIDENED * student)
        return np.asarray(np.sqrt(widened**2 * spread.participant_variance + seeds))

    return reach(1.0), reach(-1.0)


def p_values(spread: Spread) -> NDArray[np.float64]:
    """Return p, two-sided, that each mean is truly 0: the interval of confidence 1 − p ends there; at least 1e-12."""
    low, high = np.full_like(spread.mean, _LEAST_LOG_P), np.zeros_like(spread.mean)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        below, above = half_widths(spread, -np.expm1(middle))
        holds = np.where(spread.mean > 0.0, below >= spread.mean, above >= -spread.mean)
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return np.exp(high)


def _without_skewness(
    student: NDArray[np.float64], skewness: NDArray[np.float64], participants: int
) -> NDArray[np.float64]:
    """Return the quantile of the studentised mean of skewed values: the inverse of Hall's cubic transformation."""
    root = np.sqrt(participants)
    symmetric = np.abs(skewness) < 1e-6
    skewness = np.where(symmetric, 1.0, skewness)
    inner = 1.0 + skewness * (student / root - skewness / (6.0 * participants))
    return np.where(symmetric, student, 3.0 * root / skewness * (np.cbrt(inner) - 1.0))


def _of_seeds(tables: Sequence[Table], mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variance that the seeds of all tables give the mean, and its degrees of freedom."""
    total, weighted = np.zeros_like(mean), np.zeros_like(mean)
    for table in tables:
        variance = _seed_variance(table)
        total = total + variance
        weighted = weighted + variance**2 / (table.shape[-2] - 1)
    varies = total > 0.0
    return total, np.where(varies, total, 1.0) ** 2 / np.where(varies, weighted, 1.0)


def _seed_variance(table: Table) -> NDArray[np.float64]:
    """Return the variance that seeds give the mean of (..., seeds, participants): (MS_seeds − MS_rest) / (seeds·n)."""
    seeds, participants = table.shape[-2:]
    centre = table.mean(axis=(-2, -1), keepdims=True)
    of_participants, of_seeds = table.mean(axis=-2, keepdims=True), table.mean(axis=-1, keepdims=True)
    between = participants * np.square(of_seeds - centre).sum(axis=(-2, -1)) / (seeds - 1)
    left = np.square(table - of_participants - of_seeds + centre).sum(axis=(-2, -1))
    rest = left / ((seeds - 1) * max(participants - 1, 1))
    return np.asarray(np.maximum(between - rest, 0.0) / (seeds * participants))
