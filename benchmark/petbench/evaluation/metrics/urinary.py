"""Whole-image metrics once more without the urinary tract: one way to leave it out for all of them.

The bladder holds what was excreted and not voided, which no early image shows, and it is the hottest organ: with the
20 mm around it, it can be less than 1 % of the body and half of the squared error. What remains tells methods apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.by_array import ByArrays
from petbench.evaluation.protocol import BLADDERS, URINARY_MARGIN_MILLIMETRES, URINARY_TRACT
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Mask

SUFFIX = "_no_urinary"
_WORDS = f"bladder, renal pelvis and ureters with {URINARY_MARGIN_MILLIMETRES:g} mm around them"


def region_without(region: str) -> str:
    """Return the name of a region of the whole image once the urinary tract is left out, such as `body-no-urinary`."""
    return f"{region}-no-urinary"


_zones: ByArrays[Mask] = ByArrays()


def urinary_zone(case: Case) -> Mask:
    """Return the voxels within 20 mm of the labelled urinary tract, and of it, shape (z, y, x).

    Raises:
        ValueError: the participant has no organ labels, or none of a bladder.
    """
    labels = case.labels
    if labels is None:
        raise ValueError("the dataset has no organ labels")
    bladder = [index for index, name in case.names.items() if name in BLADDERS]
    tract = [index for index, name in case.names.items() if name in URINARY_TRACT]
    if not np.isin(labels, bladder).any():
        raise ValueError("no voxel is labelled bladder")

    def distant() -> Mask:
        from scipy import ndimage

        distance = ndimage.distance_transform_edt(~np.isin(labels, tract), sampling=case.grid.spacing_millimetres)
        return np.asarray(distance <= URINARY_MARGIN_MILLIMETRES)

    return _zones.get(distant, labels)


_without: WeakKeyDictionary[Case, Case] = WeakKeyDictionary()
_blanked: ByArrays[NDArray[np.float32]] = ByArrays()
_bodies: ByArrays[Mask] = ByArrays()


def without_urinary_tract(case: Case) -> Case:
    """Return the case with the urinary zone out of the body and blank, 0 SUV, in all images.

    Raises:
        ValueError: it cannot be told where the urinary tract is.
    """
    if case not in _without:
        zone, labels = urinary_zone(case), case.labels
        assert labels is not None  # the zone comes from them
        _without[case] = replace(
            case,
            predicted=_blank(case.predicted, zone),
            delayed=_blanked.get(lambda: _blank(case.delayed, zone), case.delayed, labels),
            early=_blanked.get(lambda: _blank(case.early, zone), case.early, labels),
            body=_bodies.get(lambda: case.body & ~zone, case.body, labels),
            samples=None,
        )
    return _without[case]


def _blank(image: NDArray[np.float32], zone: Mask) -> NDArray[np.float32]:
    return np.where(zone, np.float32(0.0), image)


def no_urinary(spec: MetricSpec, *, shown: bool = False) -> MetricSpec:
    """Return a metric of the whole image as it is without the urinary tract, under a name and convention of its own."""
    return replace(
        spec,
        name=spec.name + SUFFIX,
        convention_id=f"no-urinary-{URINARY_MARGIN_MILLIMETRES:g}mm@1/{spec.convention_id}",
        region=region_without(spec.region),
        detail="without urine" if spec.detail == "body" else f"{spec.detail} without urine",
        shown=shown,
        summary=f"{spec.summary}; the urinary tract left out",
        formula=f"{spec.formula}, without {_WORDS}, which are blank in p and r",
        hides=f"the urinary tract; besides, {spec.hides}",
        measure=_measure_without(spec.measure, spec.region),
    )


def _measure_without(
    measure: Callable[[Case], Iterable[Measurement]], region: str
) -> Callable[[Case], Iterable[Measurement]]:
    def measured(case: Case) -> Iterator[Measurement]:
        try:
            remaining = without_urinary_tract(case)
        except ValueError as error:
            yield Measurement(region_without(region), None, str(error))
            return
        for found in measure(remaining):
            yield replace(found, region=region_without(found.region))

    return measured
