"""The built-in metrics by name, as the hook `petbench_metrics` gives them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.metrics.error import mae_body_suv, nmae_body, nrmse_volume_range, rmse_body_suv
from petbench.evaluation.metrics.psnr import psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.metrics.ssim import ssim_body_suv20
from petbench.evaluation.pet_metrics import PET_METRICS
from petbench.metric_spec import Case, Measurement, MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from petbench.evaluation.metrics.typing import Image, Mask


def _in_body(function: Callable[[Image, Image, Mask], float]) -> Callable[[Case], Iterable[Measurement]]:
    return lambda case: [Measurement("body", function(case.predicted, case.delayed, case.body))]


def _in_volume(function: Callable[[Image, Image], float]) -> Callable[[Case], Iterable[Measurement]]:
    return lambda case: [Measurement("volume", function(case.predicted, case.delayed))]


IMAGE_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="psnr_body_suv20",
        convention_id="psnr/body/clip-suv0-20/range20@1",
        unit="dB",
        higher_is_better=True,
        summary="PSNR in the body at the fixed range 0–20 SUV; the ranking default",
        formula="10 log10(20² / mean over body of (clip(p) − clip(r))²)",
        source="SynthRAD2023's rule (fixed range, clipped, in the body) carried over to SUV",
        hides="errors above 20 SUV (bladder), and anything outside the body",
        measure=_in_body(psnr_body_suv20),
    ),
    MetricSpec(
        name="psnr_volume_max",
        convention_id="psnr/volume/range-real-max@1",
        unit="dB",
        higher_is_better=True,
        summary="PSNR over the whole volume, the real maximum as peak",
        formula="10 log10(max(r)² / mean over volume of (p − r)²)",
        source="UDPET challenge 2022–2025",
        hides="the air around the participant lowers the mean error; one hot bladder voxel raises the peak",
        measure=_in_volume(psnr_volume_max),
    ),
    MetricSpec(
        name="psnr_slice_volume_max",
        convention_id="psnr/slice-mean/body-slices/range-real-max@1",
        unit="dB",
        higher_is_better=True,
        summary="mean over body slices of each slice's PSNR, the real volume's maximum as peak",
        formula="mean over slices with body of 10 log10(max(r)² / mean over slice of (p − r)²)",
        source="2-D translation papers, as far as their figures tell",
        hides="all that psnr_volume_max hides, and slices of legs count as much as slices of organs",
        measure=lambda case: [Measurement("volume", psnr_slice_volume_max(case.predicted, case.delayed, case.body))],
    ),
    MetricSpec(
        name="ssim_body_suv20",
        convention_id="ssim3d/body/clip-suv0-20/range20/gaussian1.5@1",
        unit="",
        higher_is_better=True,
        summary="structural similarity in 3-D at the fixed range 0–20 SUV, mean over the body",
        formula="mean over body of SSIM(clip(p), clip(r)), Gaussian window of 1.5 voxels, R = 20",
        source="Wang et al., IEEE Trans. Image Process. 2004;13:600",
        hides="errors in cold tissue: with R = 20, everything well below 1 SUV looks alike",
        measure=_in_body(ssim_body_suv20),
    ),
    MetricSpec(
        name="mae_body_suv",
        convention_id="mae/body/suv@1",
        unit="SUV",
        higher_is_better=False,
        summary="mean absolute error in the body",
        formula="mean over body of |p − r|",
        source="BIC-MAC 2026's whole-body measure, without its excluded zone",
        hides="where the error is: a large organ's small bias weighs as much as a missing lesion",
        measure=_in_body(mae_body_suv),
    ),
    MetricSpec(
        name="rmse_body_suv",
        convention_id="rmse/body/suv@1",
        unit="SUV",
        higher_is_better=False,
        summary="root mean squared error in the body",
        formula="√ mean over body of (p − r)²",
        source="the definition",
        hides="everything but the hottest organs, which the square lets dominate",
        measure=_in_body(rmse_body_suv),
    ),
    MetricSpec(
        name="nrmse_volume_range",
        convention_id="nrmse/volume/range-real-max-min@1",
        unit="",
        higher_is_better=False,
        summary="root mean squared error over the volume, divided by the real image's range",
        formula="√ mean over volume of (p − r)² / (max r − min r)",
        source="UDPET challenge 2022–2025",
        hides="the same as psnr_volume_max, of which it is another form",
        measure=_in_volume(nrmse_volume_range),
    ),
    MetricSpec(
        name="nmae_body",
        convention_id="nmae/body/sum-ratio@1",
        unit="",
        higher_is_better=False,
        summary="total absolute error in the body as a part of total uptake",
        formula="Σ|p − r| / Σ|r| over body",
        source="PET-CM, arXiv 2308.13072",
        hides="where the error is",
        measure=_in_body(nmae_body),
    ),
)


def builtin_metrics() -> tuple[MetricSpec, ...]:
    """Return every built-in metric of one participant; those of a whole dataset are in `distribution`."""
    return IMAGE_METRICS + PET_METRICS
