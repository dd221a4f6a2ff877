"""Mean absolute and root mean squared errors, lower is better, computed in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.typing import Image, Mask


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
