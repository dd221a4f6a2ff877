"""Volume above an SUV, for FDG 4, that touches none in the other image: what protocol 1 called hallucinated and missed.

Nothing but a threshold, which is the task's: normal liver and blood pool count as soon as they cross it. `focal`
measures against the organs' own levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.of_task import number_text
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case
    from petbench_datasets.tasks.task import Task


def unmatched_hot_millilitres(
    image: Image, other: Image, body: Mask, voxel_millilitres: float, hot_suv: float
) -> float:
    """Return the volume of hot regions of `image` that touch nothing hot in `other`.

    Hot is SUV >= `hot_suv` in the body; regions are connected over faces and edges (18 neighbours), as autoPET counts
    false positive volume.
    """
    from scipy import ndimage

    regions, count = ndimage.label((image >= hot_suv) & body, structure=ndimage.generate_binary_structure(3, 2))
    touched = np.zeros(count + 1, dtype=bool)
    touched[np.unique(regions[(other >= hot_suv) & body])] = True
    touched[0] = True
    return float((~touched[regions]).sum()) * voxel_millilitres


def unmatched_hot_volume(hot_suv: float) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures hot volume of the prediction that touches nothing hot in the real image, in mL."""

    def measure(case: Case) -> Iterator[Measurement]:
        yield _unmatched(case, case.predicted, case.delayed, hot_suv)

    return measure


def lost_hot_volume(hot_suv: float) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures hot volume of the real image that touches nothing hot in the prediction, in mL."""

    def measure(case: Case) -> Iterator[Measurement]:
        yield _unmatched(case, case.delayed, case.predicted, hot_suv)

    return measure


def _unmatched(case: Case, image: Image, other: Image, hot_suv: float) -> Measurement:
    found = unmatched_hot_millilitres(image, other, case.body, case.grid.voxel_millilitres, hot_suv)
    return Measurement("body", found)


def hot_volume_metrics(task: Task) -> tuple[MetricSpec, ...]:
    """Return the metrics of volume above the task's threshold."""
    hot = number_text(task.hot_suv)
    return (
        MetricSpec(
            name="unmatched_hot_volume",
            convention_id=f"unmatched-volume/body/suv{hot}/predicted-only@1",
            unit="mL",
            higher_is_better=False,
            label="Unmatched hot",
            detail=f"SUV ≥ {hot}",
            decimals=2,
            shown=False,
            summary="hot volume of the prediction that touches nothing hot in the real image",
            formula=f"volume of 18-connected regions of p >= {hot} SUV without a voxel of r >= {hot} SUV",
            source="autoPET's false positive volume",
            hides=f"false uptake that touches a hot organ, or stays below {hot} SUV; normal organs near {hot} SUV "
            "drown the rest",
            measure=unmatched_hot_volume(task.hot_suv),
        ),
        MetricSpec(
            name="lost_hot_volume",
            convention_id=f"unmatched-volume/body/suv{hot}/real-only@1",
            unit="mL",
            higher_is_better=False,
            label="Lost hot",
            detail=f"SUV ≥ {hot}",
            decimals=2,
            shown=False,
            summary="hot volume of the real image that touches nothing hot in the prediction",
            formula=f"volume of 18-connected regions of r >= {hot} SUV without a voxel of p >= {hot} SUV",
            source="autoPET's false negative volume",
            hides=f"hot regions of which a single voxel is left; normal organs near {hot} SUV drown the rest",
            measure=lost_hot_volume(task.hot_suv),
        ),
    )
