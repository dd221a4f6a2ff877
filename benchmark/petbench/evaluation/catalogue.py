"""The built-in metrics of one participant.

Those of all participants together are in `distribution`, `agreement_rows` and `lesion_detection`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.metrics.error import ERROR_METRICS
from petbench.evaluation.metrics.focal import FOCAL_METRICS
from petbench.evaluation.metrics.hot_volume import HOT_VOLUME_METRICS
from petbench.evaluation.metrics.lesion_endpoints import LESION_ENDPOINTS
from petbench.evaluation.metrics.lesions import LESION_METRICS
from petbench.evaluation.metrics.organs import ORGAN_METRICS
from petbench.evaluation.metrics.psnr import PSNR_METRICS
from petbench.evaluation.metrics.regions import REGION_METRICS
from petbench.evaluation.metrics.retention import RETENTION_METRICS
from petbench.evaluation.metrics.ssim import SSIM_METRICS
from petbench.evaluation.metrics.texture import LIVER_METRICS, TEXTURE_METRICS
from petbench.evaluation.metrics.uncertainty import UNCERTAINTY_METRICS
from petbench.evaluation.metrics.urinary import no_urinary
from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import facts_of

if TYPE_CHECKING:
    from petbench.metric_spec import MetricSpec


WHOLE_IMAGE: tuple[MetricSpec, ...] = PSNR_METRICS + SSIM_METRICS + ERROR_METRICS + TEXTURE_METRICS
"""Metrics of the whole image: each is computed without the urinary tract, too."""

_SHOWN_WITHOUT = frozenset({"psnr_body_suv20", "mae_body_suv"})
"""Those whose variant without the urinary tract has a column of its own in every table."""


def column_of_spec(spec: MetricSpec) -> Column:
    """Return the column that a metric has on a leaderboard."""
    return Column(spec.name, spec.region, spec.convention_id, spec.unit, spec.higher_is_better, facts_of(spec))


def builtin_metrics() -> tuple[MetricSpec, ...]:
    """Return every built-in metric of one participant, as the hook `petbench_metrics` gives them out."""
    without = tuple(no_urinary(spec, shown=spec.name in _SHOWN_WITHOUT) for spec in WHOLE_IMAGE)
    of_parts = REGION_METRICS + ORGAN_METRICS + RETENTION_METRICS + LIVER_METRICS
    of_findings = LESION_ENDPOINTS + LESION_METRICS + FOCAL_METRICS + HOT_VOLUME_METRICS
    return WHOLE_IMAGE + without + of_parts + of_findings + UNCERTAINTY_METRICS
