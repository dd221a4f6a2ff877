"""The built-in metrics of one participant; those of a whole dataset are in `distribution` and `agreement`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.metrics.error import ERROR_METRICS
from petbench.evaluation.metrics.lesions import LESION_METRICS
from petbench.evaluation.metrics.organs import ORGAN_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.evaluation.metrics.ssim import SSIM_METRICS
from petbench.evaluation.metrics.texture import TEXTURE_METRICS

if TYPE_CHECKING:
    from petbench.metric_spec import MetricSpec


def builtin_metrics() -> tuple[MetricSpec, ...]:
    """Return every built-in metric of one participant, as the hook `petbench_metrics` gives them out."""
    return PSNR_METRICS + SSIM_METRICS + ERROR_METRICS + ORGAN_METRICS + LESION_METRICS + TEXTURE_METRICS
