"""The population input function of FDG and exact integrals of what tissue makes of it.

Whole-blood SUV after a bolus, fitted to 80 image-derived aortic curves (hedyPET read-outs, doi 10.57967/hf/9560)::

    C(t) = (3209 s - B - G) exp(-18.02 s) + B exp(-0.2155 s) + G exp(-0.01329 s),   s = t - 0.30 min

with B = 3.989 and G = 4.152, and nothing before s = 0. The curves end at 70 min: what is later is extrapolated. Sums of
exponentials are integrated in closed form, so a window mean has no time grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK

EARLY_MINUTES, DELAYED_MINUTES = minutes(DEFAULT_TASK.early_seconds), minutes(DEFAULT_TASK.delayed_seconds)
"""The windows in which people were measured: those of the default task, whatever is simulated."""

_DELAY_MINUTES = 0.30
_BOLUS, _BOLUS_RATE = 3209.0, 18.02
_FAST, _FAST_RATE = 3.989, 0.2155
_SLOW, _SLOW_RATE = 4.152, 0.01329


def stable(value: float) -> float:
    """Round to ten significant digits, so that a last-bit difference between two machines' `exp` cannot spread."""
    return float(f"{value:.9e}")


@dataclass(frozen=True, slots=True)
class InputFunction:
    """One participant's blood: the population curve with its two slow terms scaled."""

    fast_scale: float = 1.0
    slow_scale: float = 1.0

    @property
    def terms(self) -> tuple[tuple[float, int, float], ...]:
        """The curve as (coefficient, power of s, rate a minute)."""
        fast, slow = _FAST * self.fast_scale, _SLOW * self.slow_scale
        bolus = _BOLUS * (fast + slow) / (_FAST + _SLOW)
        return ((bolus, 1, _BOLUS_RATE), (-fast - slow, 0, _BOLUS_RATE), (fast, 0, _FAST_RATE), (slow, 0, _SLOW_RATE))

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean whole-blood SUV of a window after injection."""
        start, stop, length = _since_arrival(start_minutes, stop_minutes)
        total = sum(c * _integral(power, rate, start, stop) for c, power, rate in self.terms)
        return total / length

    def convolved_mean(self, rate: float, start_minutes: float, stop_minutes: float) -> float:
        """Return the window mean of the curve convolved with exp(-rate t), in SUV times minutes."""
        start, stop, length = _since_arrival(start_minutes, stop_minutes)
        decay = _integral(0, rate, start, stop)
        total = 0.0
        for coefficient, power, term_rate in self.terms:
            gap = rate - term_rate
            if abs(gap) < 1e-7:  # the formulae below have a removable singularity here
                gap = 1e-7
            step = (_integral(0, term_rate, start, stop) - decay) / gap
            if power == 1:
                step = (_integral(1, term_rate, start, stop) - step) / gap
            total += coefficient * step
        return total / length


def with_window_means(early_factor: float, delayed_factor: float) -> InputFunction:
    """Return the curve whose means over the early and the delayed window are the population's times the two factors."""
    population = InputFunction()
    fast, slow = InputFunction(1.0, 0.0), InputFunction(0.0, 1.0)
    a, b = fast.mean(*EARLY_MINUTES), slow.mean(*EARLY_MINUTES)
    c, d = fast.mean(*DELAYED_MINUTES), slow.mean(*DELAYED_MINUTES)
    e, f = population.mean(*EARLY_MINUTES) * early_factor, population.mean(*DELAYED_MINUTES) * delayed_factor
    determinant = a * d - b * c
    return InputFunction(stable((e * d - b * f) / determinant), stable((a * f - e * c) / determinant))


def _since_arrival(start_minutes: float, stop_minutes: float) -> tuple[float, float, float]:
    """Return a window in minutes since the tracer came, and its whole length: before, nothing is there."""
    start, stop = start_minutes - _DELAY_MINUTES, stop_minutes - _DELAY_MINUTES
    return max(start, 0.0), max(stop, 0.0), stop - start


def _integral(power: int, rate: float, start: float, stop: float) -> float:
    """Integrate s**power exp(-rate s) from start to stop, power 0 or 1."""
    if power == 0:
        if abs(rate) < 1e-12:
            return stop - start
        return (math.exp(-rate * start) - math.exp(-rate * stop)) / rate
    upper = -(stop / rate + 1 / rate**2) * math.exp(-rate * stop)
    lower = -(start / rate + 1 / rate**2) * math.exp(-rate * start)
    return upper - lower
