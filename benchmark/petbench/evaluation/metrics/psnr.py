"""Peak signal-to-noise ratio, 10·log10(R²/MSE) in dB, higher is better, in the three conventions of the protocol.

The conventions differ in R, in where the error is averaged, and in nothing else; on one prediction they lie up to
30 dB apart. Each is computed in float64 from the stored float32 SUV volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.measures import in_body, in_volume
from petbench.evaluation.protocol import RANGE_SUV, RELATIVE_ERROR_FLOOR
from petbench.metric_spec import Measurement, MetricSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask


def psnr_body_suv20(predicted: Image, real: Image, body: Mask) -> float:
    """Return PSNR in the body at the fixed range 0–20 SUV, in dB; the ranking default.

    Convention `psnr/body/clip-suv0-20/range20@1`: both images are clipped to [0, 20] SUV, the squared error is averaged
    over the body mask, R = 20. After SynthRAD2023, which clips CT numbers to a fixed range and scores in the body.
    """
    errors = _clipped(predicted)[body] - _clipped(real)[body]
    return decibels(_mean_square(errors), RANGE_SUV)


def psnr_volume_max(predicted: Image, real: Image) -> float:
    """Return PSNR over the whole volume with the real volume's maximum as peak, in dB.

    Convention `psnr/volume/range-real-max@1`: no clipping, no mask, R = max(real). UDPET challenge 2022–2025.
    """
    return decibels(_mean_square(_float64(predicted) - _float64(real)), float(real.max()))


def psnr_slice_volume_max(predicted: Image, real: Image, body: Mask) -> float:
    """Return the mean over axial body slices of each slice's PSNR with the real volume's maximum as peak, in dB.

    Convention `psnr/slice-mean/body-slices/range-real-max@1`: slices without a body voxel are left out of the mean,
    a slice with one counts whole; R = max(real volume) for every slice. The likely one of 2-D translation papers.
    """
    with_body = body.any(axis=(1, 2))
    errors = _float64(predicted)[with_body] - _float64(real)[with_body]
    peak = float(real.max())
    return float(np.mean([decibels(_mean_square(error), peak) for error in errors]))


def decibels(mean_square_error: float, peak: float) -> float:
    """Return 10·log10(peak²/MSE), the error raised to what float32 can resolve at `peak` (`RELATIVE_ERROR_FLOOR`).

    Raises:
        ValueError: the peak is not above 0.
    """
    if not peak > 0.0:
        raise ValueError(f"PSNR needs a peak above 0, not {peak:g}: is the real image empty?")
    floor = (peak * RELATIVE_ERROR_FLOOR) ** 2
    return float(10.0 * np.log10(peak**2 / max(mean_square_error, floor)))


def _clipped(image: Image) -> NDArray[np.float64]:
    return np.clip(_float64(image), 0.0, RANGE_SUV)


def _float64(image: Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)


def _mean_square(errors: NDArray[np.float64]) -> float:
    return float(np.mean(np.square(errors)))


PSNR_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="psnr_body_suv20",
        convention_id="psnr/body/clip-suv0-20/range20@1",
        unit="dB",
        higher_is_better=True,
        label="PSNR",
        detail="body",
        decimals=2,
        place=10,
        summary="peak signal-to-noise ratio inside the body, both images clipped to SUV 0–20, which is also the peak",
        formula="10 log10(20² / mean over body of (clip(p) − clip(r))²)",
        source="SynthRAD2023's rule (fixed range, clipped, in the body) carried over to SUV",
        hides="errors above 20 SUV (bladder), and anything outside the body",
        measure=in_body(psnr_body_suv20),
    ),
    MetricSpec(
        name="psnr_volume_max",
        convention_id="psnr/volume/range-real-max@1",
        unit="dB",
        higher_is_better=True,
        label="PSNR",
        detail="volume",
        decimals=2,
        place=11,
        summary="peak signal-to-noise ratio of the whole field of view, the real volume's maximum as the peak",
        formula="10 log10(max(r)² / mean over volume of (p − r)²)",
        source="UDPET challenge 2022–2025",
        hides="the air around the participant lowers the mean error; one hot bladder voxel raises the peak",
        region="volume",
        measure=in_volume(psnr_volume_max),
    ),
    MetricSpec(
        name="psnr_slice_volume_max",
        convention_id="psnr/slice-mean/body-slices/range-real-max@1",
        unit="dB",
        higher_is_better=True,
        label="PSNR",
        detail="slice",
        decimals=2,
        place=12,
        summary="mean over axial slices that meet the body of each slice's PSNR, the real volume's maximum as the peak",
        formula="mean over slices with body of 10 log10(max(r)² / mean over slice of (p − r)²)",
        source="2-D translation papers, as far as their figures show",
        hides="all that psnr_volume_max hides, and slices of legs count as much as slices of organs",
        region="volume",
        measure=lambda case: [Measurement("volume", psnr_slice_volume_max(case.predicted, case.delayed, case.body))],
    ),
)
