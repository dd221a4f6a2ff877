"""Two-tissue compartments: what an organ makes of the blood, and which rates give a wanted early and delayed SUV."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from petbench_phantom.input_function import DELAYED_MINUTES, EARLY_MINUTES, stable

if TYPE_CHECKING:
    from petbench_phantom.input_function import InputFunction

_SLOWEST, _FASTEST = 1e-4, 40.0  # how far a participant's k3 may lie from the population's


@dataclass(frozen=True, slots=True)
class Rates:
    """A tissue's rate constants.

    Attributes:
        k1: K1, from blood into tissue, mL/cm3/min.
        k2: back into the blood, 1/min.
        k3: phosphorylation, 1/min.
        k4: dephosphorylation, 1/min.
        blood: fraction of whole blood in the tissue's volume.
        delay_seconds: how much later than the aorta the tissue sees the blood (portal organs).
    """

    k1: float
    k2: float
    k3: float
    k4: float
    blood: float
    delay_seconds: float = 0.0


def mean_suv(rates: Rates, blood: InputFunction, start_minutes: float, stop_minutes: float) -> float:
    """Return the mean SUV of a tissue over a window: (1 - vb) x 2TCM response + vb x whole blood."""
    start, stop = start_minutes - rates.delay_seconds / 60, stop_minutes - rates.delay_seconds / 60
    total = rates.k2 + rates.k3 + rates.k4
    root = math.sqrt(max(total * total - 4 * rates.k2 * rates.k4, 0.0))
    slow, fast = (total - root) / 2, (total + root) / 2
    bound = rates.k3 + rates.k4
    response = (bound - slow) * blood.convolved_mean(slow, start, stop)
    response += (fast - bound) * blood.convolved_mean(fast, start, stop)
    tissue = rates.k1 * response / (fast - slow)
    return (1 - rates.blood) * tissue + rates.blood * blood.mean(start, stop)


def solve(rates: Rates, blood: InputFunction, early_suv: float, delayed_suv: float) -> Rates:
    """Return `rates` with k3, and then K1 and vb together, changed so that both window means are met.

    The delayed/early ratio rises with k3, so bisection finds it. A ratio that no k3 gives is met as nearly as
    one can be, and the delayed value then kept at the cost of the early one.
    """
    wanted = delayed_suv / early_suv

    def ratio(trial: Rates) -> float:
        return mean_suv(trial, blood, *DELAYED_MINUTES) / mean_suv(trial, blood, *EARLY_MINUTES)

    low, high = math.log(_SLOWEST), math.log(_FASTEST)
    for _ in range(48):
        middle = (low + high) / 2
        if ratio(replace(rates, k3=rates.k3 * math.exp(middle))) < wanted:
            low = middle
        else:
            high = middle
    bent = replace(rates, k3=stable(rates.k3 * math.exp((low + high) / 2)))
    gain = stable(delayed_suv / mean_suv(bent, blood, *DELAYED_MINUTES))
    # The blood part grows with the tissue part, but a tissue is never more than six tenths blood.
    volume = min(bent.blood * gain, 0.6)
    plain = replace(bent, k1=bent.k1 * gain, blood=volume)
    reached = mean_suv(plain, blood, *DELAYED_MINUTES)
    part = (delayed_suv - volume * blood.mean(*DELAYED_MINUTES)) / (reached - volume * blood.mean(*DELAYED_MINUTES))
    return replace(plain, k1=stable(plain.k1 * max(part, 0.0)))
