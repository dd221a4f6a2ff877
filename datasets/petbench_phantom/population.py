"""Who takes part: bodies, blood and uptake, sampled from published spreads for the whole dataset at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_phantom.anatomy import TEMPLATE_HEIGHT_CENTIMETRES, head_width
from petbench_phantom.balance import balanced
from petbench_phantom.curves import Blood, Mixed, Tissue, Urine
from petbench_phantom.fields import generator
from petbench_phantom.input_function import DELAYED_MINUTES, EARLY_MINUTES, stable
from petbench_phantom.kinetics import solve
from petbench_phantom.organs import BY_NAME, ORGANS
from petbench_phantom.regions import SPREADS
from petbench_phantom.sampling import independent, matched, mixed
from petbench_phantom.targets import TARGETS
from petbench_phantom.uptake import sample_uptake
from petbench_phantom.volumes import BLADDER_MILLILITRES, TEMPLATE_MILLILITRES, VOLUMES_MILLILITRES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from petbench_phantom.curves import Curve
    from petbench_phantom.input_function import InputFunction
    from petbench_phantom.organs import Organ
    from petbench_phantom.parts import Sex
    from petbench_phantom.sampling import Column, Draw
    from petbench_phantom.spec import PhantomSpec

_HEIGHT = {"F": (163.0, 6.5), "M": (176.0, 7.0)}  # cm; means of ICRP 89
_WEIGHT = {"F": (73.0, 16.0, 52.0, 105.0), "M": (82.0, 11.0, 60.0, 112.0)}  # kg: mean, SD, least, most (hedyPET)
_TEMPLATE_KILOGRAMS = 73.8
_TEMPLATE_LEAN_KILOGRAMS = 57.0
_FEWEST = 6  # five conditions are set on a column of matched samples
_BRAIN_AND_WEIGHT = 0.9  # correlation of log SUV of the brain with weight
_BLOOD_DELAYED_SUV = 2.08  # of the population's input function, delayed window
_MYOCARDIUM_PART = 0.27  # of the heart; the rest is blood


@dataclass(frozen=True, slots=True)
class Participant:
    """One simulated person.

    Attributes:
        name: as in BIDS, `sub-01`.
        index: place in the dataset, from 0.
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
    """Sample the participants of `spec`: women and men in turn where they are matched, else as chance has it.

    Raises:
        DataError: too few to have the spread and correlations of a population; balanced, and with lesions.
    """
    random = generator(spec.seed, 1)
    count = spec.participants
    draw: Draw = matched if spec.sampling == "matched" else independent
    if draw is matched and count < _FEWEST:
        raise DataError(
            f"{spec.name}: {count} participants cannot match a population; ask for six participants or more"
        )
    coins = [index % 2 for index in range(count)] if draw is matched else random.integers(0, 2, count).tolist()
    sexes: list[Sex] = ["F" if coin == 0 else "M" for coin in coins]
    ages = [round(48.0 + 15.0 * value) for value in draw(random, count)]
    volumes = {organ: _by_sex(random, sexes, draw) for organ in VOLUMES_MILLILITRES}
    bladder = draw(random, count)
    doses = draw(random, count)
    uptake, bloods = sample_uptake(random, count, draw)
    brain = [delayed for _, delayed in uptake["grey_matter"]]
    bodies = _matched_bodies(random, sexes, brain) if draw is matched else _independent_bodies(random, sexes, brain)
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
                organ_scales=_organ_scales(sex, index, volumes, lean, upright),
                bladder_millilitres=(stable(urine), stable(urine + 19.0)),
                blood=bloods[index],
                curves=_curves({name: pairs[index] for name, pairs in uptake.items()}, bloods[index]),
            )
        )
    return [balanced(spec, person) for person in people] if spec.balanced_activity else people


def _matched_bodies(random: np.random.Generator, sexes: list[Sex], brain_suv: Column) -> list[tuple[float, float]]:
    """Sample height and weight; those with much SUV in the brain are the heavier ones.

    A brain takes its share of the injected activity whatever the body weighs, so its SUV rises with the weight. If the
    weight were sampled without regard to it, a light body could hold more than was injected.
    """
    tall = _by_sex(random, sexes, matched)
    heavy = _by_sex(random, sexes, matched)
    result: list[tuple[float, float]] = [(0.0, 0.0)] * len(sexes)
    for sex in ("F", "M"):
        who = [index for index, other in enumerate(sexes) if other == sex]
        pairs = []
        for index in who:
            a, b = tall[index], heavy[index]
            height, weight = _body(sex, a, 0.35 * a + math.sqrt(1 - 0.35**2) * b)
            pairs.append((weight, height))
        order = sorted(who, key=lambda index: math.log(brain_suv[index]) + 0.15 * float(random.random()))
        for index, (weight, height) in zip(order, sorted(pairs), strict=True):
            result[index] = (height, weight)
    return result


def _independent_bodies(random: np.random.Generator, sexes: list[Sex], brain_suv: Column) -> list[tuple[float, float]]:
    """Sample height and weight, person by person; the weight is correlated with the brain's SUV."""
    spread = SPREADS["Gray matter"][1] * TARGETS["Gray matter"].delayed_log_sd
    middle = math.log(BY_NAME["grey_matter"].delayed) - spread**2 / 2
    brain = [stable((math.log(suv) - middle) / spread) for suv in brain_suv]
    heavy = mixed(brain, independent(random, len(sexes)), _BRAIN_AND_WEIGHT)
    tall = mixed(heavy, independent(random, len(sexes)), 0.35)
    return [_body(sex, a, b) for sex, a, b in zip(sexes, tall, heavy, strict=True)]


def _body(sex: Sex, tall: float, heavy: float) -> tuple[float, float]:
    """Return height in cm and weight in kg of someone so many standard deviations from the mean."""
    height = _HEIGHT[sex][0] + _HEIGHT[sex][1] * _clipped(tall)
    mean, spread, least, most = _WEIGHT[sex]
    sigma = math.sqrt(math.log(1 + (spread / mean) ** 2))
    weight = mean * math.exp(sigma * _clipped(heavy) - sigma**2 / 2)
    return round(height, 1), round(min(max(weight, least), most), 1)


def _lean_kilograms(sex: Sex, height: float, weight: float) -> float:
    """Return the lean body mass by Janmahasatian et al. 2005 (Clin Pharmacokinet 44:1051)."""
    index = weight / (height / 100) ** 2
    return 9270 * weight / ((6680 + 216 * index) if sex == "M" else (8780 + 244 * index))


def _organ_scales(sex: Sex, index: int, volumes: Mapping[str, Column], lean: float, upright: float) -> dict[str, float]:
    scales = {}
    for organ, template in TEMPLATE_MILLILITRES.items():
        median, spread = VOLUMES_MILLILITRES[organ][0 if sex == "F" else 1]
        sigma = math.sqrt(math.log(1 + (spread / median) ** 2))
        wanted = median * math.exp(sigma * _clipped(volumes[organ][index]))
        width = head_width(lean) if organ == "brain" else lean
        frame = width * width * upright
        scales[organ] = stable(min(max((wanted / (template * frame)) ** (1 / 3), 0.7), 1.35))
    return scales


def _curves(uptake: Mapping[str, tuple[float, float]], blood: InputFunction) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for organ in ORGANS:
        early, delayed = uptake[organ.name]
        if organ.kind == "blood":
            curves[organ.name] = Blood(blood, stable(organ.delayed / _BLOOD_DELAYED_SUV))
        elif organ.kind == "urine":
            curves[organ.name] = Urine(early, delayed)
        else:
            if organ.kind == "myocardium":
                early, delayed = _myocardium(uptake["heart"], blood)
            curves[organ.name] = _tissue(organ, blood, early, delayed)
    return curves


def _tissue(organ: Organ, blood: InputFunction, early: float, delayed: float) -> Curve:
    assert organ.rates is not None
    if organ.kind != "urethra":
        return Tissue(solve(organ.rates, blood, early, delayed), blood)
    # A quarter of the early uptake is urine; it may rise as no tissue does.
    own = (0.75 * early, min(0.8 * delayed, 0.7 * early))
    return Mixed((Tissue(solve(organ.rates, blood, *own), blood), Urine(early - own[0], delayed - own[1])))


def _myocardium(heart: tuple[float, float], blood: InputFunction) -> tuple[float, float]:
    """Return what the muscle must have for the whole heart, muscle and blood, to have `heart`."""
    part = _MYOCARDIUM_PART
    early = (heart[0] - (1 - part) * blood.mean(*EARLY_MINUTES)) / part
    delayed = (heart[1] - (1 - part) * blood.mean(*DELAYED_MINUTES)) / part
    return max(early, 1.6), max(delayed, 0.9)  # a heart that burns fat alone still takes up this much


def _by_sex(random: np.random.Generator, sexes: list[Sex], draw: Draw) -> Column:
    """Sample a column among the women and among the men."""
    columns = {sex: iter(draw(random, sexes.count(sex))) for sex in ("F", "M")}
    return [next(columns[sex]) for sex in sexes]


def _clipped(value: float) -> float:
    return min(max(value, -2.2), 2.2)
