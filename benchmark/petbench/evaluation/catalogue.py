"""The built-in metrics of one participant.

Those of all participants together are in `distribution`, `agreement_rows` and `lesion_detection`.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from petbench.evaluation.metrics.error import ERROR_METRICS
from petbench.evaluation.metrics.focal import focal_metrics
from petbench.evaluation.metrics.hot_volume import hot_volume_metrics
from petbench.evaluation.metrics.lesion_endpoints import lesion_endpoints
from petbench.evaluation.metrics.lesions import lesion_metrics
from petbench.evaluation.metrics.organs import organ_metrics
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.evaluation.metrics.regions import REGION_METRICS
from petbench.evaluation.metrics.retention import retention_metrics
from petbench.evaluation.metrics.ssim import SSIM_METRICS
from petbench.evaluation.metrics.texture import LIVER_METRICS, TEXTURE_METRICS
from petbench.evaluation.metrics.uncertainty import UNCERTAINTY_METRICS
from petbench.evaluation.metrics.urinary import no_urinary
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import facts_of

if TYPE_CHECKING:
    from petbench.metric_spec import MetricSpec
    from petbench_datasets.tasks.task import Task


WHOLE_IMAGE: tuple[MetricSpec, ...] = PSNR_METRICS + SSIM_METRICS + ERROR_METRICS + TEXTURE_METRICS
"""Metrics of the whole image: each is computed without the urinary tract, too."""

_SHOWN_WITHOUT = frozenset({"psnr_body_suv20", "mae_body_suv"})
"""Those whose variant without the urinary tract has a column of its own in every table."""


def column_of_spec(spec: MetricSpec) -> Column:
    """Return the column that a metric has on a leaderboard."""
    return Column(spec.name, spec.region, spec.convention_id, spec.unit, spec.higher_is_better, facts_of(spec))


def builtin_metrics() -> tuple[MetricSpec, ...]:
    """Return every built-in metric of one participant, as the hook `petbench_metrics` gives them out.

    They are those of the default task; each can say what it is for another.
    """
    return metrics_of(DEFAULT_TASK)


@functools.cache
def metrics_of(task: Task) -> tuple[MetricSpec, ...]:
    """Return the built-in metrics as a task has them: this is the one place that decides which of its words matter."""
    without = tuple(no_urinary(spec, shown=spec.name in _SHOWN_WITHOUT) for spec in WHOLE_IMAGE)
    of_parts = REGION_METRICS + organ_metrics(task) + retention_metrics(task) + LIVER_METRICS
    of_findings = lesion_endpoints(task) + lesion_metrics(task) + focal_metrics(task) + hot_volume_metrics(task)
    all_of_them = WHOLE_IMAGE + (without if task.excreted_by_urine else ()) + of_parts + of_findings
    return tuple(
        replace(spec, for_task=functools.partial(_for_task, spec.name)) for spec in all_of_them + UNCERTAINTY_METRICS
    )


def _for_task(name: str, task: Task) -> MetricSpec | None:
    return next((spec for spec in metrics_of(task) if spec.name == name), None)
