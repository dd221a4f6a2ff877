"""Datasets whose true means are known: participants by a distribution, seeds, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_leaderboard.statistics.intervals import Table

Scenario = Literal["normal", "skewed", "very skewed", "failures"]

SCENARIOS: dict[Scenario, str] = {
    "normal": "participants are normal",
    "skewed": "participants are log-normal, σ 0.5: skewness 1.8",
    "very skewed": "participants are log-normal, σ 1: skewness 6.2",
    "failures": "participants are normal, and one in seven fails by 5 standard deviations",
}

_SIGMAS: dict[Scenario, float] = {"skewed": 0.5, "very skewed": 1.0}
_FAILING, _FAILS_BY = 1.0 / 7.0, 5.0

REST = 0.3
"""Standard deviation of what is neither participant nor seed, where that of participants is 1."""

SEED_SPREADS = (0.0, 0.3, 1.0)
"""Standard deviations of seeds, where that of participants is 1."""

PARTICIPANTS = (3, 4, 5, 6, 8, 12, 16, 24, 40)
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What datasets are drawn from.

    Attributes:
        scenario: the distribution of participants.
        participants: how many.
        seeds: how many trainings of a method.
        seed_spread: standard deviation of the trainings' means, where that of participants is 1.
    """

    scenario: Scenario
    participants: int
    seeds: int = 1
    seed_spread: float = 0.0


def draw_participants(scenario: Scenario, shape: tuple[int, ...], generator: np.random.Generator) -> Table:
    """Draw participants of true mean 0; their standard deviation is 1, but for those who fail."""
    normal = generator.normal(size=shape)
    if scenario in _SIGMAS:
        sigma = _SIGMAS[scenario]
        mean, deviation = np.exp(sigma**2 / 2.0), np.sqrt(np.expm1(sigma**2) * np.exp(sigma**2))
        return np.asarray((np.exp(sigma * normal) - mean) / deviation)
    if scenario == "failures":
        normal -= _FAILS_BY * (generator.random(shape) < _FAILING)
        normal += _FAILS_BY * _FAILING
    return normal


def variance_of(scenario: Scenario) -> float:
    """Return the variance of participants: 1, but for what those who fail add."""
    return 1.0 + (_FAILS_BY**2 * _FAILING * (1.0 - _FAILING) if scenario == "failures" else 0.0)


def draw_trainings(setting: Setting, datasets: int, generator: np.random.Generator) -> Table:
    """Draw what seeds and chance add to participants, true mean 0, shape (datasets, seeds, participants)."""
    of_seeds = setting.seed_spread * generator.normal(size=(datasets, setting.seeds, 1))
    return of_seeds + REST * generator.normal(size=(datasets, setting.seeds, setting.participants))


def draw_method(setting: Setting, datasets: int, generator: np.random.Generator) -> Table:
    """Draw the scores of one method, true mean 0, shape (datasets, seeds, participants)."""
    participants = draw_participants(setting.scenario, (datasets, setting.participants), generator)
    return participants[:, None, :] + draw_trainings(setting, datasets, generator)


def draw_pair(setting: Setting, datasets: int, generator: np.random.Generator) -> tuple[Table, Table]:
    """Draw the scores of two methods of one true mean whose *differences* are distributed as the scenario says.

    That is the hard case: where both methods are skewed alike, or fail alike, their differences are symmetric.
    """
    return draw_method(setting, datasets, generator), draw_trainings(setting, datasets, generator)


def draw_family(
    setting: Setting, means: NDArray[np.float64], datasets: int, generator: np.random.Generator
) -> list[Table]:
    """Draw methods with the given true means, whose participants are each drawn as the scenario says."""
    return [mean + draw_method(setting, datasets, generator) for mean in means]
