"""Peak signal-to-noise ratio, 10·log10(R²/MSE) in dB, higher is better, in the three conventions of the protocol.

The conventions differ in R, in where the error is averaged, and in nothing else; on one prediction they lie up to
30 dB apart. Each is computed in float64 from the stored float32 SUV volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import RANGE_SUV, RELATIVE_ERROR_FLOOR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.typing import Image, Mask


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
    in_body = body.any(axis=(1, 2))
    errors = _float64(predicted)[in_body] - _float64(real)[in_body]
    peak = float(real.max())
    return float(np.mean([decibels(_mean_square(error), peak) for error in errors]))


def decibels(mean_square_error: float, peak: float) -> float:
    """Return 10·log10(peak²/MSE), the error raised to what float32 can tell at `peak` (`RELATIVE_ERROR_FLOOR`).

    Raises:
        ValueError: the peak is not above 0.
    """
    if not peak > 0.0:
        msg = f"PSNR needs a peak above 0, not {peak:g}: is the real image empty?"
        raise ValueError(msg)
    floor = (peak * RELATIVE_ERROR_FLOOR) ** 2
    return float(10.0 * np.log10(peak**2 / max(mean_square_error, floor)))


def _clipped(image: Image) -> NDArray[np.float64]:
    return np.clip(_float64(image), 0.0, RANGE_SUV)


def _float64(image: Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)


def _mean_square(errors: NDArray[np.float64]) -> float:
    return float(np.mean(np.square(errors)))
