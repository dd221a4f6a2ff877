"""Who takes part: bodies, blood and uptake, drawn from published spreads for the whole cohort at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.phantom.anatomy import TEMPLATE_HEIGHT_CENTIMETRES
from petbench_datasets.phantom.curves import Blood, Tissue, Urine
from petbench_datasets.phantom.draws import matched, mixed
from petbench_datasets.phantom.fields import generator
from petbench_datasets.phantom.input_function import stable, with_window_means
from petbench_datasets.phantom.kinetics import solve
from petbench_datasets.phantom.organs import (
    BLADDER_MILLILITRES,
    ORGANS,
    TEMPLATE_MILLILITRES,
    VOLUMES_MILLILITRES,
)
from petbench_datasets.phantom.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from petbench_datasets.phantom.anatomy import Sex
    from petbench_datasets.phantom.curves import Curve
    from petbench_datasets.phantom.draws import Column
    from petbench_datasets.phantom.input_function import InputFunction
    from petbench_datasets.phantom.organs import Organ
    from petbench_datasets.phantom.spec import PhantomSpec

_HEIGHT = {"F": (163.0, 6.5), "M": (176.0, 7.0)}  # cm; means of ICRP 89
_WEIGHT = {"F": (73.0, 16.0, 52.0, 105.0), "M": (82.0, 11.0, 60.0, 112.0)}  # kg: mean, SD, least, most (hedyPET)
_TEMPLATE_KILOGRAMS = 73.0
_TEMPLATE_LEAN_KILOGRAMS = 56.5
_MYOCARDIUM_PART = 0.27  # of the heart; the rest is blood


@dataclass(frozen=True, slots=True)
class Participant:
    """One simulated person.

    Attributes:
        name: as in BIDS, `sub-01`.
        index: place in the cohort, from 0.
        sex: F or M.
        age_years: age.
        height_centimetres: height.
        weight_kilograms: weight.
        dose_megabecquerel: injected activity.
        upright: length over the template's.
        skin: width of the outline over the template's.
        lean: width of flesh, skeleton and organs over the template's.
        organ_scales: linear size of an organ over the template's in the lean frame.
        bladder_millilitres: urine at the early and at the delayed frame.
        blood: whole blood in time.
        curves: activity in time by organ.
    """

    name: str
    index: int
    sex: Sex
    age_years: int
    height_centimetres: float
    weight_kilograms: float
    dose_megabecquerel: float
    upright: float
    skin: float
    lean: float
    organ_scales: Mapping[str, float]
    bladder_millilitres: tuple[float, float]
    blood: InputFunction
    curves: Mapping[str, Curve]


def population(spec: PhantomSpec) -> list[Participant]:
    """Draw the participants of `spec`; women and men take turns."""
    random = generator(spec.seed, 1)
    count = spec.participants
    sexes: list[Sex] = ["F" if index % 2 == 0 else "M" for index in range(count)]
    bodies = _bodies(random, sexes)
    ages = [round(48.0 + 15.0 * value) for value in matched(random, count)]
    volumes = {organ: _by_sex(random, sexes) for organ in VOLUMES_MILLILITRES}
    bladder = matched(random, count)
    doses = matched(random, count)
    uptake, bloods = _uptake(random, count)
    people = []
    for index, (sex, (height, weight)) in enumerate(zip(sexes, bodies, strict=True)):
        upright = stable(height / TEMPLATE_HEIGHT_CENTIMETRES)
        lean = stable(math.sqrt(_lean_kilograms(sex, height, weight) / _TEMPLATE_LEAN_KILOGRAMS / upright))
        skin = stable(max(math.sqrt(weight / _TEMPLATE_KILOGRAMS / upright), 0.97 * lean))
        median, spread = BLADDER_MILLILITRES
        urine = median * math.exp(spread * _clipped(bladder[index]))
        people.append(
            Participant(
                name=f"sub-{index + 1:02d}",
                index=index,
                sex=sex,
                age_years=min(max(ages[index], 18), 85),
                height_centimetres=height,
                weight_kilograms=weight,
                dose_megabecquerel=round(spec.megabecquerel_per_kilogram * weight * (1 + 0.04 * doses[index]), 1),
                upright=upright,
                skin=skin,
                lean=lean,
                organ_scales=_organ_scales(sex, index, volumes, lean * lean * upright),
                bladder_millilitres=(stable(urine), stable(urine + 38.5)),
                blood=bloods[index],
                curves=_curves({name: pairs[index] for name, pairs in uptake.items()}, bloods[index]),
            )
        )
    return people


def _bodies(random: np.random.Generator, sexes: list[Sex]) -> list[tuple[float, float]]:
    tall = _by_sex(random, sexes)
    heavy = _by_sex(random, sexes)
    result = []
    for sex, a, b in zip(sexes, tall, heavy, strict=True):
        height = _HEIGHT[sex][0] + _HEIGHT[sex][1] * _clipped(a)
        mean, spread, least, most = _WEIGHT[sex]
        sigma = math.sqrt(math.log(1 + (spread / mean) ** 2))
        weight = mean * math.exp(sigma * _clipped(0.35 * a + math.sqrt(1 - 0.35**2) * b) - sigma**2 / 2)
        result.append((round(height, 1), round(min(max(weight, least), most), 1)))
    return result


def _lean_kilograms(sex: Sex, height: float, weight: float) -> float:
    """Return the lean body mass by Janmahasatian et al. 2005 (Clin Pharmacokinet 44:1051)."""
    index = weight / (height / 100) ** 2
    return 9270 * weight / ((6680 + 216 * index) if sex == "M" else (8780 + 244 * index))


def _organ_scales(sex: Sex, index: int, volumes: Mapping[str, Column], frame: float) -> dict[str, float]:
    scales = {}
    for organ, template in TEMPLATE_MILLILITRES.items():
        median, spread = VOLUMES_MILLILITRES[organ][0 if sex == "F" else 1]
        sigma = math.sqrt(math.log(1 + (spread / median) ** 2))
        wanted = median * math.exp(sigma * _clipped(volumes[organ][index]))
        scales[organ] = stable(min(max((wanted / (template * frame)) ** (1 / 3), 0.7), 1.35))
    return scales


def _uptake(
    random: np.random.Generator, count: int
) -> tuple[dict[str, list[tuple[float, float]]], list[InputFunction]]:
    """Draw every organ's early and late SUV, and the blood: organ -> one pair a participant."""
    aorta = TARGETS["Aorta"]
    early_blood = matched(random, count)
    other = matched(random, count, [early_blood])
    late_blood = mixed(early_blood, other, aorta.correlation)
    early = _lognormal([aorta.early_log_sd * value for value in early_blood])
    late = _lognormal([aorta.late_log_sd * value for value in late_blood])
    bloods = [with_window_means(a, b) for a, b in zip(early, late, strict=True)]
    spreads: dict[str, tuple[Column, Column]] = {"Aorta": (early, late)}
    for name, target in TARGETS.items():
        if name == "Aorta":
            continue
        first = matched(random, count, [early_blood, other])
        second = matched(random, count, [early_blood, other, first])
        shared_late = target.blood_slope * aorta.late_log_sd
        shared_late = math.copysign(min(abs(shared_late), 0.95 * target.late_log_sd), shared_late)
        shared_early = math.sqrt(max(target.early_log_sd**2 - target.early_residual**2, 0.0))
        shared_early = math.copysign(shared_early, shared_late)
        rest_early = math.sqrt(target.early_log_sd**2 - shared_early**2)
        rest_late = math.sqrt(target.late_log_sd**2 - shared_late**2)
        wanted = target.correlation * target.early_log_sd * target.late_log_sd
        tie = (wanted - shared_early * shared_late * aorta.correlation) / max(rest_early * rest_late, 1e-9)
        tied = mixed(first, second, min(max(tie, -0.98), 0.98))
        spreads[name] = (
            _lognormal([shared_early * b + rest_early * g for b, g in zip(early_blood, first, strict=True)]),
            _lognormal([shared_late * b + rest_late * g for b, g in zip(late_blood, tied, strict=True)]),
        )
    pairs = {organ.name: _pairs(organ, spreads, random, count) for organ in ORGANS}
    pairs["heart"] = _pairs_of(TARGETS["Heart"].early, TARGETS["Heart"].late, spreads["Heart"])
    return pairs, bloods


def _pairs(
    organ: Organ, spreads: Mapping[str, tuple[Column, Column]], random: np.random.Generator, count: int
) -> list[tuple[float, float]]:
    pairs = _pairs_of(organ.early, organ.late, spreads[organ.region])
    if organ.own:
        return pairs
    alone = [math.exp(0.04 * value) for value in matched(random, count)]
    return [(early * factor, late * factor) for (early, late), factor in zip(pairs, alone, strict=True)]


def _pairs_of(early: float, late: float, spread: tuple[Column, Column]) -> list[tuple[float, float]]:
    return [(stable(early * a), stable(late * b)) for a, b in zip(*spread, strict=True)]


def _lognormal(logarithms: Column) -> Column:
    """Return exp of the column over its mean, so that the sample's mean is 1."""
    values = [math.exp(value) for value in logarithms]
    mean = math.fsum(values) / len(values)
    return [stable(value / mean) for value in values]


def _curves(uptake: Mapping[str, tuple[float, float]], blood: InputFunction) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for organ in ORGANS:
        early, late = uptake[organ.name]
        if organ.kind == "blood":
            curves[organ.name] = Blood(blood, 1.0 if organ.region == "Aorta" else organ.late / 2.08)
        elif organ.kind == "urine":
            curves[organ.name] = Urine(early, late)
        else:
            if organ.kind == "myocardium":
                early, late = _myocardium(uptake["heart"], blood)
            assert organ.rates is not None
            curves[organ.name] = Tissue(solve(organ.rates, blood, early, late), blood)
    return curves


def _myocardium(heart: tuple[float, float], blood: InputFunction) -> tuple[float, float]:
    """Return what the muscle must have for the whole heart, muscle and blood, to have `heart`."""
    part = _MYOCARDIUM_PART
    early = (heart[0] - (1 - part) * blood.mean(7.0, 21.0)) / part
    late = (heart[1] - (1 - part) * blood.mean(42.0, 63.0)) / part
    return max(early, 1.8), max(late, 1.2)  # a heart that burns fat alone still takes up this much


def _by_sex(random: np.random.Generator, sexes: list[Sex]) -> Column:
    """Draw a column that is matched among the women and among the men."""
    columns = {sex: iter(matched(random, sexes.count(sex))) for sex in ("F", "M")}
    return [next(columns[sex]) for sex in sexes]


def _clipped(value: float) -> float:
    return min(max(value, -2.2), 2.2)
