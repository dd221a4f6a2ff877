"""Every organ's early and delayed SUV for a whole dataset, with the measured spread and correlations.

For one region, in units of log SUV::

    delayed = a x delayed blood + rest      rest shares what it must with `own`, to give the measured correlation
    early   = b x early blood + c x own     (own, and rest's remainder, are uncorrelated with the blood)

Organs are correlated by the blood alone; other correlations that people show are not simulated.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_phantom.input_function import stable, with_window_means
from petbench_phantom.organs import ORGANS
from petbench_phantom.regions import HEART_SUV, SPREADS
from petbench_phantom.sampling import lognormal, mixed
from petbench_phantom.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from petbench_phantom.input_function import InputFunction
    from petbench_phantom.organs import Organ
    from petbench_phantom.sampling import Column, Draw

    Pairs = list[tuple[float, float]]


def sample_uptake(random: np.random.Generator, count: int, draw: Draw) -> tuple[dict[str, Pairs], list[InputFunction]]:
    """Sample each organ's (early, delayed) SUV, one pair a participant, and each participant's blood.

    The whole heart is sampled too, as `heart`.
    """
    aorta = TARGETS["Aorta"]
    delayed_blood = draw(random, count)
    other = draw(random, count, [delayed_blood])  # the part of early blood that delayed blood does not determine
    early_blood = mixed(delayed_blood, other, aorta.correlation)
    early = lognormal([aorta.early_log_sd * value for value in early_blood], aorta.early_log_sd, draw)
    delayed = lognormal([aorta.delayed_log_sd * value for value in delayed_blood], aorta.delayed_log_sd, draw)
    bloods = [with_window_means(a, b) for a, b in zip(early, delayed, strict=True)]
    spreads = {"Aorta": (early, delayed)}
    for name in TARGETS:
        if name != "Aorta":
            spreads[name] = _region(name, random, delayed_blood, other, draw)
    pairs = {organ.name: _pairs(organ, spreads, random, count, draw) for organ in ORGANS}
    pairs["heart"] = _scaled(*HEART_SUV, spreads["Heart"])
    return pairs, bloods


def _region(
    name: str, random: np.random.Generator, delayed_blood: Column, other: Column, draw: Draw
) -> tuple[Column, Column]:
    """Return factors of mean 1 on the early and on the delayed SUV of one region."""
    target, aorta = TARGETS[name], TARGETS["Aorta"]
    count = len(delayed_blood)
    own = draw(random, count, [delayed_blood, other])
    remainder = draw(random, count, [delayed_blood, other, own])
    early_factor, delayed_factor, correlation = SPREADS.get(name, (1.0, 1.0, target.correlation))
    early_sd, delayed_sd = early_factor * target.early_log_sd, delayed_factor * target.delayed_log_sd
    blood_delayed = target.blood_slope * aorta.delayed_log_sd * delayed_factor
    blood_delayed = math.copysign(min(abs(blood_delayed), 0.95 * delayed_sd), blood_delayed)
    blood_early = math.sqrt(max(target.early_log_sd**2 - target.early_residual**2, 0.0)) * early_factor
    blood_early = math.copysign(blood_early, blood_delayed)
    # What early uptake has beyond delayed blood: its own part, and the part of early blood that delayed blood lacks.
    parts = (math.sqrt(early_sd**2 - blood_early**2), blood_early * math.sqrt(1 - aorta.correlation**2))
    beyond = [parts[0] * a + parts[1] * b for a, b in zip(own, other, strict=True)]
    length = math.hypot(*parts)
    shared = blood_early * aorta.correlation
    rest = math.sqrt(delayed_sd**2 - blood_delayed**2)
    tie = (correlation * early_sd * delayed_sd - shared * blood_delayed) / max(rest * length, 1e-9)
    tied = mixed([value / length for value in beyond], remainder, min(max(tie, -0.99), 0.99))
    early = [shared * blood + value for blood, value in zip(delayed_blood, beyond, strict=True)]
    delayed = [blood_delayed * blood + rest * value for blood, value in zip(delayed_blood, tied, strict=True)]
    return lognormal(early, early_sd, draw), lognormal(delayed, delayed_sd, draw)


def _pairs(
    organ: Organ, spreads: Mapping[str, tuple[Column, Column]], random: np.random.Generator, count: int, draw: Draw
) -> Pairs:
    pairs = _scaled(organ.early, organ.delayed, spreads[organ.region])
    if not organ.alone:
        return pairs
    alone = [math.exp(organ.alone * value) for value in draw(random, count)]
    return [(early * factor, delayed * factor) for (early, delayed), factor in zip(pairs, alone, strict=True)]


def _scaled(early: float, delayed: float, spread: tuple[Column, Column]) -> Pairs:
    return [(stable(early * a), stable(delayed * b)) for a, b in zip(*spread, strict=True)]
