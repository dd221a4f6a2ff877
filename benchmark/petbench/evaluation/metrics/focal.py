"""Focal uptake: what stands out from the organs around it, against the level of these organs in the same image.

A fixed threshold takes normal liver and blood for findings as soon as they cross it. Here a voxel is focal when it lies
above the *local level* by half of it, by four robust standard deviations, and by 0.5 SUV. The local level is the
largest median of the labelled organs within 25 mm, each median from the image itself: an organ that is too hot as a
whole is an error of its level, which the biases of organs measure, and no finding; what blurs over from a hot neighbour
is none either. The urinary tract with its margin is left out. Regions count from 1 mL on.
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
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask

    Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Which organs lie where, of one participant.

    Attributes:
        inside: the body without the urinary zone, shape (z, y, x).
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
_focal: WeakKeyDictionary[Case, Focal] = WeakKeyDictionary()


def focal_of(case: Case) -> Focal:
    """Return the focal regions of both images of a case, computed once while the case lives.

    Raises:
        ValueError: the participant has no organ labels, or none of a bladder.
    """
    if case not in _focal:
        labels, zone = case.labels, urinary_zone(case)
        assert labels is not None  # the urinary zone comes from them
        spacing, millilitres = case.grid.spacing_millimetres, case.grid.voxel_millilitres
        around = _surroundings.get(lambda: surroundings(labels, case.body & ~zone, spacing), labels, case.body)
        real = _real.get(lambda: focal_regions(case.delayed, around, millilitres), case.delayed, labels, case.body)
        _focal[case] = Focal(focal_regions(case.predicted, around, millilitres), real)
    return _focal[case]


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


def hallucinated_volume(case: Case) -> Iterator[Measurement]:
    """Measure focal uptake of the prediction that touches none of the real image, in mL."""
    yield _unmatched(case, of_prediction=True)


def missed_volume(case: Case) -> Iterator[Measurement]:
    """Measure focal uptake of the real image that touches none of the prediction, in mL."""
    yield _unmatched(case, of_prediction=False)


def _unmatched(case: Case, *, of_prediction: bool) -> Measurement:
    try:
        found = focal_of(case)
    except ValueError as error:
        return Measurement("body", None, str(error))
    first, second = (found.predicted, found.real) if of_prediction else (found.real, found.predicted)
    unmatched = unmatched_regions(first, second)
    count = len(np.unique(first.numbers[unmatched]))
    millilitres = float(unmatched.sum()) * case.grid.voxel_millilitres
    focal = float((first.numbers > 0).sum()) * case.grid.voxel_millilitres
    return Measurement("body", millilitres, extra={"regions": count, "focal_millilitres": focal})


_RULE = "local-level-25mm/plus-50%-4sd-0.5suv/1mL"
_WORDS = (
    "a voxel is focal where it lies above L by 50 %, by 4 s and by 0.5 SUV; L and s are the largest median and robust "
    "SD (1.4826 MAD) of the organs within 25 mm, from the image itself; regions of 18 neighbours, from 1 mL, the "
    "urinary tract left out"
)
_SOURCE = "autoPET's count of unmatched regions, with the organs' own levels in the place of a fixed SUV"

FOCAL_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="hallucinated_volume",
        convention_id=f"focal-volume/body/{_RULE}/predicted-only@1",
        unit="mL",
        higher_is_better=False,
        label="Hallucinated",
        detail="focal",
        decimals=1,
        shown=False,
        summary="focal uptake of the prediction that touches none of the real image",
        formula=f"volume of focal regions of p without a focal voxel of r; {_WORDS}",
        source=_SOURCE,
        hides="a whole organ that is too hot, false uptake that touches real focal uptake, and what a hotter organ "
        "within 25 mm outshines",
        measure=hallucinated_volume,
    ),
    MetricSpec(
        name="missed_volume",
        convention_id=f"focal-volume/body/{_RULE}/real-only@1",
        unit="mL",
        higher_is_better=False,
        label="Missed",
        detail="focal",
        decimals=1,
        shown=False,
        summary="focal uptake of the real image that touches none of the prediction",
        formula=f"volume of focal regions of r without a focal voxel of p; {_WORDS}",
        source=_SOURCE,
        hides="focal uptake of which a single voxel is left, and the bladder",
        measure=missed_volume,
    ),
)
