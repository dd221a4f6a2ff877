"""Nobody holds more activity than was injected: the remaining tissue takes what the organs leave.

Uptake is sampled region by region and bodies by themselves, so that muscle and fat, most of a body, may come to hold
too much or too little beside its organs. FDG does not leave the body but in urine, which stays in the bladder as long
as nobody voids it: corrected for decay, organs, blood, urine and the remaining tissue together hold what was injected.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.windows import minutes
from petbench_phantom.curves import Scaled
from petbench_phantom.input_function import stable
from petbench_phantom.organs import ORGANS
from petbench_phantom.pose import posed_body
from petbench_phantom.raster import millilitres
from petbench_phantom.targets import TARGETS

if TYPE_CHECKING:
    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

REMAINING = ("subcutaneous_fat", "muscle", "visceral_fat", "breast", "joints", "active_muscle")
"""What takes the activity that organs, blood and urine leave."""

HELD = 0.98
"""What the body holds of the injected activity in that window in which it holds more; the rest is the margin that the
texture of the organs, breathing and the noise of the reconstruction need."""

MOST = stable(math.exp(3 * TARGETS["Skeletal muscle"].early_log_sd))
LEAST = stable(1 / MOST)
"""How far the remaining tissue is raised or lowered: by three standard deviations of the muscle's log SUV in people."""

_LEAST_FIELD_MILLIMETRES = (1940.0, 680.0, 680.0)  # z, y, x: room for everybody whom `population` draws


def balanced(spec: PhantomSpec, person: Participant) -> Participant:
    """Return the participant with uptake that adds up to `HELD` of the injected activity, and never to more.

    Both windows have one factor, which leaves the delayed/early ratio of every tissue as it was sampled: in one window
    the body then holds `HELD`, in the other less. Where the least factor does not do, all uptake is lowered alike;
    where the greatest does not, the body holds less in both.

    Raises:
        DataError: the profile has lesions, whose activity is not known beforehand.
    """
    if spec.lesions[1]:
        raise DataError(f"{spec.name}: activity cannot be balanced beside lesions; leave out one of the two")
    remaining, others = zip(*(_kilograms_suv(spec, person, frame) for frame in (0, 1)), strict=True)
    held = HELD * person.weight_kilograms
    wanted = min((held - other) / rest for rest, other in zip(remaining, others, strict=True))
    factor = stable(min(max(wanted, LEAST), MOST))
    common = stable(min(held / (factor * rest + other) for rest, other in zip(remaining, others, strict=True)))
    common = min(common, 1.0)
    factors = {organ.name: common * (factor if organ.name in REMAINING else 1.0) for organ in ORGANS}
    return dataclasses.replace(
        person, curves={name: Scaled(curve, stable(factors[name])) for name, curve in person.curves.items()}
    )


def _kilograms_suv(spec: PhantomSpec, person: Participant, frame: int) -> tuple[float, float]:
    """Return the activity of the remaining tissue and of all else, in kg times SUV, wherever the field ends."""
    whole = _with_room(spec)
    window = tuple(map(minutes, spec.asks.windows_seconds.values()))[frame]
    volumes = millilitres(whole, *posed_body(whole, person, frame))
    held = {organ.name: 1e-3 * volumes[organ.label] * person.curves[organ.name].mean(*window) for organ in ORGANS}
    rest = sum(held[name] for name in REMAINING)
    return rest, sum(held.values()) - rest


def _with_room(spec: PhantomSpec) -> PhantomSpec:
    """Return the profile with a field that holds the whole body."""
    sizes = zip(spec.shape, spec.spacing_millimetres, _LEAST_FIELD_MILLIMETRES, strict=True)
    z, y, x = (max(size, math.ceil(least / step)) for size, step, least in sizes)
    return spec if (z, y, x) == spec.shape else dataclasses.replace(spec, shape=(z, y, x))
