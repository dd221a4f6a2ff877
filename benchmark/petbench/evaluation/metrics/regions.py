"""Where the error is: mean error and share of the squared error of every labelled organ."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from petbench.evaluation.metrics.urinary import urinary_zone
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

URINARY_ZONE = "urinary_zone"
"""The region of the urinary tract with its margin, in the share of the squared error."""

Sums = tuple[float, float, int]
"""Of |p − r|, of (p − r)², and voxels."""

_sums: WeakKeyDictionary[Case, dict[str, Sums]] = WeakKeyDictionary()


def organ_sums(case: Case) -> dict[str, Sums]:
    """Return Σ|p − r|, Σ(p − r)² and the voxels of each labelled organ within the body; none without labels."""
    if case not in _sums:
        _sums[case] = {} if case.labels is None else _summed(case, case.labels)
    return _sums[case]


def _summed(case: Case, labels: NDArray[np.int16]) -> dict[str, Sums]:
    error = case.predicted[case.body].astype(np.float64) - case.delayed[case.body]
    inside = np.maximum(labels[case.body].astype(np.int64), 0)
    most = max((*case.names, int(inside.max(initial=0)))) + 1
    absolute = np.bincount(inside, np.abs(error), most)
    square, count = np.bincount(inside, np.square(error), most), np.bincount(inside, minlength=most)
    return {
        name: (float(absolute[index]), float(square[index]), int(count[index]))
        for index, name in case.names.items()
        if index != 0 and count[index]
    }


def organ_mae(case: Case) -> Iterator[Measurement]:
    """Measure the mean |p − r| of each organ, in SUV."""
    for organ, (absolute, _, voxels) in organ_sums(case).items():
        yield Measurement(organ, absolute / voxels)


def organ_rmse(case: Case) -> Iterator[Measurement]:
    """Measure √mean (p − r)² of each organ, in SUV."""
    for organ, (_, square, voxels) in organ_sums(case).items():
        yield Measurement(organ, float(np.sqrt(square / voxels)))


def squared_error_share(case: Case) -> Iterator[Measurement]:
    """Measure which part of the body's Σ(p − r)² each organ has, and the urinary tract with its margin, in percent."""
    sums = organ_sums(case)
    if not sums:
        return
    square = np.square(case.predicted[case.body].astype(np.float64) - case.delayed[case.body])
    whole, everything = float(square.sum()), len(square)
    regions = {organ: (found, voxels) for organ, (_, found, voxels) in sums.items()}
    try:
        zone = urinary_zone(case)[case.body]
        regions[URINARY_ZONE] = float(square[zone].sum()), int(zone.sum())
    except ValueError:
        pass  # no bladder is labelled: the organs have their shares all the same
    for region, (found, voxels) in regions.items():
        share = {"voxel_share_percent": 100.0 * voxels / everything}
        if whole > 0.0:
            yield Measurement(region, 100.0 * found / whole, extra=share)
        else:
            yield Measurement(region, None, "the prediction has no error", extra=share)


REGION_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="organ_mae_suv",
        convention_id="mae/organ/suv@1",
        unit="SUV",
        higher_is_better=False,
        label="MAE",
        detail="organ",
        decimals=3,
        shown=False,
        summary="mean absolute error inside each labelled organ",
        formula="mean over the organ's voxels in the body of |p − r|",
        source="the definition",
        hides="the sign: too hot and too cold add up",
        of_regions=True,
        measure=organ_mae,
    ),
    MetricSpec(
        name="organ_rmse_suv",
        convention_id="rmse/organ/suv@1",
        unit="SUV",
        higher_is_better=False,
        label="RMSE",
        detail="organ",
        decimals=3,
        shown=False,
        summary="root mean squared error inside each labelled organ",
        formula="√ mean over the organ's voxels in the body of (p − r)²",
        source="the definition",
        hides="whether the whole organ is wrong or a few of its voxels are",
        of_regions=True,
        measure=organ_rmse,
    ),
    MetricSpec(
        name="organ_squared_error_share",
        convention_id="squared-error-share/organ/of-body@1",
        unit="%",
        higher_is_better=None,
        label="Share of squared error",
        detail="organ",
        decimals=1,
        shown=False,
        summary="part of the body's squared error in each organ, and in the urinary tract with 20 mm around it",
        formula="100 Σ(p − r)² over the region in the body / Σ(p − r)² over the body",
        source="the definition",
        hides="how large the error is: it says where PSNR and RMSE come from, and ranks nothing",
        of_regions=True,
        measure=squared_error_share,
    ),
)
