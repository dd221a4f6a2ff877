"""Focal uptake: what stands out from the organs around it, against the level of these organs in the same image.

A fixed threshold takes normal liver and blood for findings as soon as they cross it. Here a voxel is focal when it lies
above the *local level* by half of it, by four robust standard deviations, and by 0.5 SUV. The local level is the
largest median of the labelled organs within 25 mm, each median from the image itself: an organ that is too hot as a
whole is an error of its level, which the biases of organs measure, and no finding; what blurs over from a hot neighbour
is none either. The urinary tract with its margin is left out where urine excretes the tracer. Regions count from 1 mL
on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.by_array import ByArrays
from petbench.evaluation.metrics.urinary import urinary_zone
from petbench.evaluation.protocol import (
    FOCAL_MILLILITRES,
    FOCAL_PART,
    FOCAL_REACH_MILLIMETRES,
    FOCAL_SPREADS,
    FOCAL_SUV,
)
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench_datasets.tasks.task import Task

    Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Which organs lie where, of one participant.

    Attributes:
        inside: where focal uptake is looked for, shape (z, y, x): the body, mostly without the urinary zone.
        members: for each organ, its voxels among those inside.
        near: for each organ, the voxels inside that lie within 25 mm of it, or in it.
    """

    inside: Mask
    members: Sequence[Indices]
    near: Sequence[Indices]


@dataclass(frozen=True, slots=True)
class Regions:
    """Connected regions of focal voxels: their numbers, 0 elsewhere, shape (z, y, x), and how many there are."""

    numbers: NDArray[np.int32]
    count: int


@dataclass(frozen=True, slots=True)
class Focal:
    """The focal regions of a case's predicted and real image."""

    predicted: Regions
    real: Regions


_surroundings: ByArrays[Surroundings] = ByArrays()
_real: ByArrays[Regions] = ByArrays()
_focal: WeakKeyDictionary[Case, dict[bool, Focal]] = WeakKeyDictionary()


def focal_of(case: Case, *, without_urine: bool = True) -> Focal:
    """Return the focal regions of both images of a case, computed once while the case lives.

    Args:
        case: with organ labels.
        without_urine: whether the urinary tract with its margin is left out.

    Raises:
        ValueError: the participant has no organ labels, or none of a bladder that is to be left out.
    """
    kept = _focal.setdefault(case, {})
    if without_urine not in kept:
        labels, body = case.labels, case.body
        zone = urinary_zone(case) if without_urine else None
        if labels is None:
            raise ValueError("the dataset has no organ labels")
        spacing, millilitres = case.grid.spacing_millimetres, case.grid.voxel_millilitres
        arrays = (labels, body) if zone is None else (labels, body, zone)
        inside = body if zone is None else body & ~zone
        around = _surroundings.get(lambda: surroundings(labels, inside, spacing), *arrays)
        real = _real.get(lambda: focal_regions(case.delayed, around, millilitres), case.delayed, *arrays)
        kept[without_urine] = Focal(focal_regions(case.predicted, around, millilitres), real)
    return kept[without_urine]


def surroundings(
    labels: NDArray[np.int16], inside: Mask, spacing_millimetres: tuple[float, float, float]
) -> Surroundings:
    """Return which organs lie where; what has no label is one more organ, the rest of the body."""
    from scipy import ndimage

    found = labels[inside]
    places = np.cumsum(inside).reshape(inside.shape) - 1
    margin = [int(FOCAL_REACH_MILLIMETRES // spacing) for spacing in spacing_millimetres]
    members, near = [], []
    for index in np.unique(found):
        organ = (labels == index) & inside
        box = tuple(
            slice(max(int(where.min()) - extra, 0), int(where.max()) + extra + 1)
            for where, extra in zip(np.nonzero(organ), margin, strict=True)
        )
        distance = ndimage.distance_transform_edt(~organ[box], sampling=spacing_millimetres)
        members.append(np.flatnonzero(found == index))
        near.append(places[box][(distance <= FOCAL_REACH_MILLIMETRES) & inside[box]])
    return Surroundings(inside, members, near)


def focal_regions(image: Image, around: Surroundings, voxel_millilitres: float) -> Regions:
    """Return the regions of focal voxels of an image, 18 neighbours connected, from 1 mL on."""
    from scipy import ndimage

    values = np.asarray(image, dtype=np.float64)[around.inside]
    medians = [float(np.median(values[voxels])) for voxels in around.members]
    spreads = [
        1.4826 * float(np.median(np.abs(values[voxels] - median)))
        for voxels, median in zip(around.members, medians, strict=True)
    ]
    level, spread = (_largest(of_organs, around) for of_organs in (medians, spreads))
    excess = np.maximum(np.maximum(FOCAL_PART * level, FOCAL_SPREADS * spread), FOCAL_SUV)
    focal = np.zeros(image.shape, dtype=bool)
    focal[around.inside] = values > level + excess
    numbers, count = ndimage.label(focal, structure=ndimage.generate_binary_structure(3, 2))
    large = np.bincount(numbers.ravel(), minlength=count + 1) * voxel_millilitres >= FOCAL_MILLILITRES
    large[0] = False
    renumbered = np.where(large, np.cumsum(large), 0).astype(np.int32)
    return Regions(renumbered[numbers], int(large.sum()))


def unmatched_regions(regions: Regions, other: Regions) -> Mask:
    """Return the regions that no focal voxel of the other image touches, shape (z, y, x)."""
    touched = np.zeros(regions.count + 1, dtype=bool)
    touched[np.unique(regions.numbers[other.numbers > 0])] = True
    touched[0] = True
    return np.asarray(~touched[regions.numbers])


def _largest(of_organs: Sequence[float], around: Surroundings) -> NDArray[np.float64]:
    """Return, for every voxel inside, the largest value of the organs near it."""
    largest = np.zeros(int(around.inside.sum()))
    for organ in np.argsort(of_organs):  # the largest one is written last
        largest[around.near[organ]] = of_organs[organ]
    return largest


def unmatched_volume(*, of_prediction: bool, without_urine: bool) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures focal uptake of the prediction, or of the real image, that touches none of the other, in mL.

    Args:
        of_prediction: whose uptake it is.
        without_urine: whether the urinary tract with its margin is left out.
    """

    def measure(case: Case) -> Iterator[Measurement]:
        try:
            found = focal_of(case, without_urine=without_urine)
        except ValueError as error:
            yield Measurement("body", None, str(error))
            return
        first, second = (found.predicted, found.real) if of_prediction else (found.real, found.predicted)
        unmatched = unmatched_regions(first, second)
        count = len(np.unique(first.numbers[unmatched]))
        millilitres = float(unmatched.sum()) * case.grid.voxel_millilitres
        focal = float((first.numbers > 0).sum()) * case.grid.voxel_millilitres
        yield Measurement("body", millilitres, extra={"regions": count, "focal_millilitres": focal})

    return measure


_RULE = "local-level-25mm/plus-50%-4sd-0.5suv/1mL"
_WORDS = (
    "a voxel is focal where it lies above L by 50 %, by 4 s and by 0.5 SUV; L and s are the largest median and robust "
    "SD (1.4826 MAD) of the organs within 25 mm, from the image itself; regions of 18 neighbours, from 1 mL"
)
_SOURCE = "autoPET's count of unmatched regions, with the organs' own levels in the place of a fixed SUV"


def focal_metrics(task: Task) -> tuple[MetricSpec, ...]:
    """Return the metrics of focal uptake, without the urinary tract where urine excretes the task's tracer."""
    without = task.excreted_by_urine
    rule = _RULE if without else f"{_RULE}/with-urinary"
    words = f"{_WORDS}, the urinary tract left out" if without else _WORDS
    return (
        MetricSpec(
            name="hallucinated_volume",
            convention_id=f"focal-volume/body/{rule}/predicted-only@1",
            unit="mL",
            higher_is_better=False,
            label="Hallucinated",
            detail="focal",
            decimals=1,
            shown=False,
            summary="focal uptake of the prediction that touches none of the real image",
            formula=f"volume of focal regions of p without a focal voxel of r; {words}",
            source=_SOURCE,
            hides="a whole organ that is too hot, false uptake that touches real focal uptake, and what a hotter organ "
            "within 25 mm outshines",
            measure=unmatched_volume(of_prediction=True, without_urine=without),
        ),
        MetricSpec(
            name="missed_volume",
            convention_id=f"focal-volume/body/{rule}/real-only@1",
            unit="mL",
            higher_is_better=False,
            label="Missed",
            detail="focal",
            decimals=1,
            shown=False,
            summary="focal uptake of the real image that touches none of the prediction",
            formula=f"volume of focal regions of r without a focal voxel of p; {words}",
            source=_SOURCE,
            hides="focal uptake of which a single voxel is left" + (", and the bladder" if without else ""),
            measure=unmatched_volume(of_prediction=False, without_urine=without),
        ),
    )
