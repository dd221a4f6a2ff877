"""The built-in metrics of one participant; those of a whole dataset are in `distribution` and `agreement`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.metrics.error import ERROR_METRICS
from petbench.evaluation.metrics.lesions import LESION_METRICS
from petbench.evaluation.metrics.organs import ORGAN_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.evaluation.metrics.ssim import SSIM_METRICS
from petbench.evaluation.metrics.texture import TEXTURE_METRICS
from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import facts_of

if TYPE_CHECKING:
    from petbench.metric_spec import MetricSpec


def column_of_spec(spec: MetricSpec) -> Column:
    """Return the column that a metric has on a leaderboard."""
    return Column(spec.name, spec.region, spec.convention_id, spec.unit, spec.higher_is_better, facts_of(spec))


def builtin_metrics() -> tuple[MetricSpec, ...]:
    """Return every built-in metric of one participant, as the hook `petbench_metrics` gives them out."""
    return PSNR_METRICS + SSIM_METRICS + ERROR_METRICS + ORGAN_METRICS + LESION_METRICS + TEXTURE_METRICS
