"""Mean absolute and root mean squared errors, lower is better, computed in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.measures import in_body, in_volume
from petbench.metric_spec import MetricSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask


def mae_body_suv(predicted: Image, real: Image, body: Mask) -> float:
    """Return mean |p − r| over the body, in SUV.

    Convention `mae/body/suv@1`: no clipping. The whole-body measure of BIC-MAC 2026, without its excluded zone.
    """
    return float(np.mean(np.abs(_error(predicted, real)[body])))


def rmse_body_suv(predicted: Image, real: Image, body: Mask) -> float:
    """Return √mean (p − r)² over the body, in SUV.

    Convention `rmse/body/suv@1`: no clipping; dominated by the hottest organs, in FDG the bladder and the brain.
    """
    return float(np.sqrt(np.mean(np.square(_error(predicted, real)[body]))))


def nrmse_volume_range(predicted: Image, real: Image) -> float:
    """Return √mean (p − r)² / (max r − min r) over the whole volume, without unit.

    Convention `nrmse/volume/range-real-max-min@1`: UDPET challenge 2022–2025; one hot real voxel scales it.
    """
    return float(np.sqrt(np.mean(np.square(_error(predicted, real)))) / (float(real.max()) - float(real.min())))


def nmae_body(predicted: Image, real: Image, body: Mask) -> float:
    """Return Σ|p − r| / Σ|r| over the body, without unit.

    Convention `nmae/body/sum-ratio@1`: total absolute error as a part of total uptake (PET-CM, arXiv 2308.13072).
    """
    return float(np.abs(_error(predicted, real)[body]).sum() / np.abs(np.asarray(real, dtype=np.float64)[body]).sum())


def _error(predicted: Image, real: Image) -> NDArray[np.float64]:
    return np.asarray(predicted, dtype=np.float64) - np.asarray(real, dtype=np.float64)


ERROR_METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        name="mae_body_suv",
        convention_id="mae/body/suv@1",
        unit="SUV",
        higher_is_better=False,
        label="MAE",
        detail="body",
        decimals=3,
        place=30,
        summary="mean absolute error inside the body",
        formula="mean over body of |p − r|",
        source="BIC-MAC 2026's whole-body measure, without its excluded zone",
        hides="where the error is: a large organ's small bias weighs as much as a missing lesion",
        measure=in_body(mae_body_suv),
    ),
    MetricSpec(
        name="rmse_body_suv",
        convention_id="rmse/body/suv@1",
        unit="SUV",
        higher_is_better=False,
        label="RMSE",
        detail="body",
        decimals=3,
        place=31,
        summary="root mean squared error inside the body",
        formula="√ mean over body of (p − r)²",
        source="the definition",
        hides="everything but the hottest organs, which the square lets dominate",
        measure=in_body(rmse_body_suv),
    ),
    MetricSpec(
        name="nrmse_volume_range",
        convention_id="nrmse/volume/range-real-max-min@1",
        unit="",
        higher_is_better=False,
        label="NRMSE",
        detail="volume",
        decimals=4,
        shown=False,
        summary="root mean squared error of the whole field of view over the real image's range",
        formula="√ mean over volume of (p − r)² / (max r − min r)",
        source="UDPET challenge 2022–2025",
        hides="the same as psnr_volume_max, of which it is another form",
        region="volume",
        measure=in_volume(nrmse_volume_range),
    ),
    MetricSpec(
        name="nmae_body",
        convention_id="nmae/body/sum-ratio@1",
        unit="",
        higher_is_better=False,
        label="NMAE",
        detail="body",
        decimals=4,
        shown=False,
        summary="total absolute error inside the body over total uptake",
        formula="Σ|p − r| / Σ|r| over body",
        source="PET-CM, arXiv 2308.13072",
        hides="where the error is",
        measure=in_body(nmae_body),
    ),
)
