"""How uptake changes from the early to the delayed image: what dual-time-point PET is read for.

The retention index is RI = 100·(SUV2 − SUV1)/SUV1 (Higashi et al., J Nucl Med 2002;43:173; Matthies et al., J Nucl Med
2002;43:871), SUV1 from the real early image for prediction and truth alike. Its error is in percentage points. The
error of the late/early ratio SUV2/SUV1 is the same number over 100; in percent of the real ratio it is the bias of
SUV2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.case_uptake import lesion_uptakes, organ_uptakes
from petbench.evaluation.metrics.of_task import left_out, left_out_id, left_out_words
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from petbench_datasets.tasks.task import Task


def retention_index(delayed: float, early: float) -> float:
    """Return 100·(delayed − early)/early of two SUV.

    Raises:
        ValueError: the early value is not above 0.
    """
    if not early > 0.0:
        raise ValueError("the early image has no uptake there")
    return 100.0 * (delayed - early) / early


def _error(region: str, predicted: float, real: float, early: float) -> Measurement:
    try:
        indices = retention_index(predicted, early), retention_index(real, early)
    except ValueError as error:
        return Measurement(region, None, str(error))
    extra: dict[str, object] = {
        "predicted": indices[0],
        "real": indices[1],
        "predicted_ratio": predicted / early,
        "real_ratio": real / early,
        "ratio_error_percent": 100.0 * (predicted - real) / real if real > 0.0 else None,
    }
    return Measurement(region, indices[0] - indices[1], extra=extra)


def organ_retention_error(case: Case) -> Iterator[Measurement]:
    """Measure the error of the retention index of each organ's SUVmean, in percentage points."""
    for organ, found in organ_uptakes(case).items():
        yield _error(organ, found.predicted.mean, found.real.mean, found.early_mean)


def lesion_retention_error(case: Case) -> Iterator[Measurement]:
    """Measure the error of the retention index of each lesion's SUVmax, in percentage points."""
    for lesion, found in lesion_uptakes(case).items():
        yield _error(lesion, found.predicted.maximum, found.real.maximum, found.early_maximum)


def mean_retention_error(without: Collection[str]) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures the mean over organs of the retention index's absolute error, those `without` left out."""

    def measure(case: Case) -> Iterator[Measurement]:
        if case.labels is None:
            yield Measurement("body", None, "the dataset has no organ labels")
            return
        errors = {
            measurement.region: measurement.value
            for measurement in organ_retention_error(case)
            if measurement.region not in without and measurement.value is not None
        }
        if not errors:
            yield Measurement("body", None, "no labelled organ has early uptake")
            return
        worst = max(errors, key=lambda organ: abs(errors[organ]))
        yield Measurement(
            "body",
            float(np.mean(np.abs(list(errors.values())))),
            extra={"organs": len(errors), "worst": worst, "worst_error_points": errors[worst]},
        )

    return measure


_SOURCE = "Higashi et al., J Nucl Med 2002;43:173; Matthies et al., J Nucl Med 2002;43:871"

RETENTION_ERRORS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="organ_retention_index_error",
        convention_id="retention-index-error/suvmean/organ@1",
        unit="%",
        higher_is_better=None,
        label="Retention index error",
        detail="organ SUVmean, points",
        decimals=1,
        best_value=0.0,
        shown=False,
        summary="error of each organ's retention index, in percentage points; above 0 the prediction retains too much",
        formula="RI of p − RI of r = 100 (SUVmean of p − SUVmean of r) / SUVmean of the early image",
        source=_SOURCE,
        hides="what happens within the organ",
        of_regions=True,
        measure=organ_retention_error,
    ),
    MetricSpec(
        name="lesion_retention_index_error",
        convention_id="retention-index-error/suvmax/lesion@1",
        unit="%",
        higher_is_better=None,
        label="Retention index error",
        detail="lesion SUVmax, points",
        decimals=1,
        best_value=0.0,
        shown=False,
        summary="error of each lesion's retention index, in percentage points; above 0 the prediction retains too much",
        formula="RI of p − RI of r = 100 (SUVmax of p − SUVmax of r) / SUVmax of the early image",
        source=_SOURCE,
        hides="all voxels of the lesion but one in each image, noisy ones",
        of_regions=True,
        measure=lesion_retention_error,
    ),
)


def retention_metrics(task: Task) -> tuple[MetricSpec, ...]:
    """Return the errors of every organ and lesion, and their mean over the organs that do not clear the tracer."""
    of_mean = MetricSpec(
        name="retention_index_error",
        convention_id=f"retention-index-error/suvmean/mean-over-organs/{left_out_id(task)}@1",
        unit="%",
        higher_is_better=False,
        label="Retention index",
        detail="error in points",
        decimals=1,
        place=41,
        shown=False,
        summary="mean over organs of the absolute error of the retention index, in percentage points; "
        f"{left_out_words(task)}",
        formula="mean over organs of |RI of p − RI of r|, RI = 100 (SUV2 − SUV1) / SUV1, SUV1 of the early image",
        source=_SOURCE,
        hides="which organ is wrong, and in which direction; organs with little early uptake weigh most",
        measure=mean_retention_error(left_out(task)),
    )
    return (of_mean, *RETENTION_ERRORS)
