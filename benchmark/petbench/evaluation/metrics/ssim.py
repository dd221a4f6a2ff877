"""Structural similarity in three dimensions with a fixed range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.evaluation.protocol import RANGE_SUV, SSIM_K1, SSIM_K2, SSIM_SIGMA_VOXELS, SSIM_TRUNCATE
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.evaluation.metrics.measures import Image, Mask
    from petbench.metric_spec import Case

_RADIUS = int(SSIM_TRUNCATE * SSIM_SIGMA_VOXELS + 0.5)


def ssim_body_suv20(predicted: Image, real: Image, body: Mask) -> float:
    """Return the mean over the body of the 3-D SSIM map at the fixed range 0–20 SUV; 1 is best.

    Convention `ssim3d/body/clip-suv0-20/range20/gaussian1.5@1`: both images clipped to [0, 20] SUV, R = 20, K1 = 0.01,
    K2 = 0.03, a Gaussian window of σ = 1.5 voxels cut at 5, biased covariances (Wang et al., IEEE Trans. Image Process.
    2004;13:600, as scikit-image computes it), then averaged over the body mask. Neither image is ever divided by its
    own maximum.

    Raises:
        ValueError: a side of the volume is shorter than the window (11 voxels).
    """
    from skimage import metrics as untyped_metrics

    metrics: Any = untyped_metrics

    # Only voxels within the window's radius of the body can count: the map is computed on that box.
    box = tuple(
        slice(max(int(indices.min()) - _RADIUS, 0), int(indices.max()) + _RADIUS + 1) for indices in np.nonzero(body)
    )
    box = tuple(_at_least(part, 2 * _RADIUS + 1, size) for part, size in zip(box, body.shape, strict=True))
    _, similarity = metrics.structural_similarity(
        np.clip(np.asarray(real[box], dtype=np.float64), 0.0, RANGE_SUV),
        np.clip(np.asarray(predicted[box], dtype=np.float64), 0.0, RANGE_SUV),
        data_range=RANGE_SUV,
        gaussian_weights=True,
        sigma=SSIM_SIGMA_VOXELS,
        truncate=SSIM_TRUNCATE,
        use_sample_covariance=False,
        K1=SSIM_K1,
        K2=SSIM_K2,
        full=True,
    )
    return float(np.mean(similarity[body[box]]))


def _at_least(part: slice, length: int, size: int) -> slice:
    """Widen `part` to `length` within `size`, so that the window fits; the values inside do not change."""
    start = max(0, min(part.start, size - length))
    return slice(start, min(size, max(part.stop, start + length)))


def _measure(case: Case) -> Iterator[Measurement]:
    if min(case.body.shape) < 2 * _RADIUS + 1:
        reason = f"a side of the volume has {min(case.body.shape)} voxels, and the window needs {2 * _RADIUS + 1}"
        yield Measurement("body", None, reason)
    else:
        yield Measurement("body", ssim_body_suv20(case.predicted, case.delayed, case.body))


SSIM_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="ssim_body_suv20",
        convention_id="ssim3d/body/clip-suv0-20/range20/gaussian1.5@1",
        unit="",
        higher_is_better=True,
        label="SSIM",
        detail="body",
        decimals=3,
        place=20,
        summary="structural similarity in three dimensions, Gaussian window, range SUV 0–20, mean over the body",
        formula="mean over body of SSIM(clip(p), clip(r)), Gaussian window of 1.5 voxels, R = 20",
        source="Wang et al., IEEE Trans. Image Process. 2004;13:600",
        hides="errors in cold tissue: with R = 20, everything well below 1 SUV looks alike",
        measure=_measure,
    ),
)
