"""One organ's activity in time: tissue, blood or urine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from petbench_phantom.input_function import DELAYED_MINUTES, EARLY_MINUTES, stable
from petbench_phantom.kinetics import mean_suv

if TYPE_CHECKING:
    from petbench_phantom.input_function import InputFunction
    from petbench_phantom.kinetics import Rates


class Curve(Protocol):
    """The SUV of one organ of one participant, decay-corrected to the injection."""

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """Two tissue compartments."""

    rates: Rates
    blood: InputFunction

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""
        return stable(mean_suv(self.rates, self.blood, start_minutes, stop_minutes))


@dataclass(frozen=True, slots=True)
class Blood:
    """Whole blood, times a constant of the vessel."""

    blood: InputFunction
    factor: float = 1.0

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""
        return stable(self.factor * self.blood.mean(start_minutes, stop_minutes))


@dataclass(frozen=True, slots=True)
class Urine:
    """Urine in the bladder: a power of what the ICRP model (publication 106) has excreted by then."""

    early_suv: float
    delayed_suv: float

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""
        early, delayed = _excreted(*EARLY_MINUTES), _excreted(*DELAYED_MINUTES)
        power = math.log(self.delayed_suv / self.early_suv) / math.log(delayed / early)
        return stable(self.early_suv * (_excreted(start_minutes, stop_minutes) / early) ** power)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Two curves in one place: tissue, and urine that passes through it."""

    parts: tuple[Curve, Curve]

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""
        return stable(sum(part.mean(start_minutes, stop_minutes) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another curve, times a constant."""

    curve: Curve
    factor: float

    def mean(self, start_minutes: float, stop_minutes: float) -> float:
        """Return the mean SUV of a window after injection."""
        return stable(self.factor * self.curve.mean(start_minutes, stop_minutes))


def _excreted(start_minutes: float, stop_minutes: float) -> float:
    """Return the mean part of the injected activity that has reached the urine."""
    moments = [start_minutes + (stop_minutes - start_minutes) * (step + 0.5) / 16 for step in range(16)]
    return sum(0.06 * (1 - 2 ** (-t / 12)) + 0.18 * (1 - 2 ** (-t / 90)) for t in moments) / 16
