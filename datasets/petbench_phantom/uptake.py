"""Every organ's early and delayed SUV for a whole dataset, with the measured spread and correlations.

For one region, in units of log SUV::

    delayed = a x late blood + rest         rest shares what it must with `own`, to give the measured correlation
    early   = b x early blood + c x own     (own, and rest's remainder, are uncorrelated with the blood)

Organs are tied to each other by the blood alone; other ties between organs that people show are not drawn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_phantom.input_function import stable, with_window_means
from petbench_phantom.organs import ORGANS
from petbench_phantom.regions import HEART_SUV, SPREADS
from petbench_phantom.sampling import matched, mixed
from petbench_phantom.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from petbench_phantom.input_function import InputFunction
    from petbench_phantom.organs import Organ
    from petbench_phantom.sampling import Column

    Pairs = list[tuple[float, float]]


def draw_uptake(random: np.random.Generator, count: int) -> tuple[dict[str, Pairs], list[InputFunction]]:
    """Draw each organ's (early, delayed) SUV, one pair a participant, and each participant's blood.

    The whole heart is drawn too, as `heart`.
    """
    aorta = TARGETS["Aorta"]
    late_blood = matched(random, count)
    other = matched(random, count, [late_blood])  # what early blood has that late blood does not tell
    early_blood = mixed(late_blood, other, aorta.correlation)
    early = _lognormal([aorta.early_log_sd * value for value in early_blood])
    late = _lognormal([aorta.late_log_sd * value for value in late_blood])
    bloods = [with_window_means(a, b) for a, b in zip(early, late, strict=True)]
    spreads = {"Aorta": (early, late)}
    for name in TARGETS:
        if name != "Aorta":
            spreads[name] = _region(name, random, late_blood, other)
    pairs = {organ.name: _pairs(organ, spreads, random, count) for organ in ORGANS}
    pairs["heart"] = _scaled(*HEART_SUV, spreads["Heart"])
    return pairs, bloods


def _region(name: str, random: np.random.Generator, late_blood: Column, other: Column) -> tuple[Column, Column]:
    """Return factors of mean 1 on the early and on the delayed SUV of one region."""
    target, aorta = TARGETS[name], TARGETS["Aorta"]
    count = len(late_blood)
    own = matched(random, count, [late_blood, other])
    remainder = matched(random, count, [late_blood, other, own])
    early_factor, late_factor, correlation = SPREADS.get(name, (1.0, 1.0, target.correlation))
    early_sd, late_sd = early_factor * target.early_log_sd, late_factor * target.late_log_sd
    blood_late = target.blood_slope * aorta.late_log_sd * late_factor
    blood_late = math.copysign(min(abs(blood_late), 0.95 * late_sd), blood_late)
    blood_early = math.sqrt(max(target.early_log_sd**2 - target.early_residual**2, 0.0)) * early_factor
    blood_early = math.copysign(blood_early, blood_late)
    # What early uptake has beyond late blood: its own part, and the part of early blood that late blood lacks.
    parts = (math.sqrt(early_sd**2 - blood_early**2), blood_early * math.sqrt(1 - aorta.correlation**2))
    beyond = [parts[0] * a + parts[1] * b for a, b in zip(own, other, strict=True)]
    length = math.hypot(*parts)
    shared = blood_early * aorta.correlation
    rest = math.sqrt(late_sd**2 - blood_late**2)
    tie = (correlation * early_sd * late_sd - shared * blood_late) / max(rest * length, 1e-9)
    tied = mixed([value / length for value in beyond], remainder, min(max(tie, -0.99), 0.99))
    early = [shared * blood + value for blood, value in zip(late_blood, beyond, strict=True)]
    late = [blood_late * blood + rest * value for blood, value in zip(late_blood, tied, strict=True)]
    return _lognormal(early), _lognormal(late)


def _pairs(
    organ: Organ, spreads: Mapping[str, tuple[Column, Column]], random: np.random.Generator, count: int
) -> Pairs:
    pairs = _scaled(organ.early, organ.late, spreads[organ.region])
    if organ.own:
        return pairs
    alone = [math.exp(0.04 * value) for value in matched(random, count)]
    return [(early * factor, late * factor) for (early, late), factor in zip(pairs, alone, strict=True)]


def _scaled(early: float, late: float, spread: tuple[Column, Column]) -> Pairs:
    return [(stable(early * a), stable(late * b)) for a, b in zip(*spread, strict=True)]


def _lognormal(logarithms: Column) -> Column:
    """Return exp of the column over its mean, so that the sample's mean is 1."""
    values = [math.exp(value) for value in logarithms]
    mean = math.fsum(values) / len(values)
    return [stable(value / mean) for value in values]
