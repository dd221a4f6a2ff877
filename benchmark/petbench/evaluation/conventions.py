"""PSNR in the conventions that are in use, right and wrong: for one page of documentation, never for a score.

The protocol's three are in `metrics.psnr`. The others show what a number without its convention is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.psnr import decibels, psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.protocol import RANGE_SUV

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench.evaluation.metrics.measures import Image, Mask

    Array = NDArray[np.float64]

Psnr = Callable[["Image", "Image", "Mask"], float]


@dataclass(frozen=True, slots=True)
class Convention:
    """One way of computing PSNR.

    Attributes:
        name: in words.
        seen_in: where it is in use.
        hides: what it cannot see, or how it misleads.
        psnr: PSNR in dB of (predicted, real, body), arrays of shape (z, y, x).
        scored: the name of the metric where petbench scores it.
    """

    name: str
    seen_in: str
    hides: str
    psnr: Psnr
    scored: str = ""


def body_maximum(predicted: Image, real: Image, body: Mask) -> float:
    """Return PSNR in the body with the real volume's maximum as peak."""
    return decibels(_mse(_wide(predicted)[body], _wide(real)[body]), float(real.max()))


def fixed_volume(predicted: Image, real: Image, body: Mask) -> float:  # noqa: ARG001 - one signature for all
    """Return PSNR over the volume, clipped to 0–20 SUV, peak 20."""
    return decibels(_mse(_clip(predicted, RANGE_SUV), _clip(real, RANGE_SUV)), RANGE_SUV)


def fixed_body_10(predicted: Image, real: Image, body: Mask) -> float:
    """Return PSNR in the body, clipped to 0–10 SUV, peak 10."""
    return decibels(_mse(_clip(predicted, 10.0)[body], _clip(real, 10.0)[body]), 10.0)


def clipped_error_unclipped_peak(predicted: Image, real: Image, body: Mask) -> float:  # noqa: ARG001
    """Return PSNR of images clipped at 16 SUV with the unclipped maximum as peak."""
    return decibels(_mse(_clip(predicted, 16.0), _clip(real, 16.0)), float(real.max()))


def slice_maximum(predicted: Image, real: Image, body: Mask) -> float:
    """Return the mean over body slices of PSNR with each real slice's own maximum as peak."""
    return _slice_mean(predicted, real, body, lambda p, r: decibels(_mse(p, r), float(r.max())))


def own_maximum(predicted: Image, real: Image, body: Mask) -> float:
    """Return the mean over body slices of PSNR after dividing each image by its own maximum."""
    return _slice_mean(predicted, real, body, lambda p, r: decibels(_mse(_unit(p), _unit(r)), 1.0))


def own_mean(predicted: Image, real: Image, body: Mask) -> float:
    """Return the mean over body slices of PSNR after dividing each image by its own mean, the real maximum as peak."""

    def psnr(p: Array, r: Array) -> float:
        p, r = p / max(float(p.mean()), 1e-12), r / max(float(r.mean()), 1e-12)
        return decibels(_mse(p, r), float(r.max()))

    return _slice_mean(predicted, real, body, psnr)


def double_range(predicted: Image, real: Image, body: Mask) -> float:  # noqa: ARG001
    """Return PSNR of images divided by the real maximum, with 2 as the range (the default for floats in [−1, 1])."""
    return decibels(_mse(_wide(predicted), _wide(real)) / float(real.max()) ** 2, 2.0)


def slices_with_empty_ones(predicted: Image, real: Image, body: Mask) -> float:
    """Return the slice mean with the volume's maximum as peak, where every slice without body counts as 100 dB."""
    kept = float(np.mean(body.any(axis=(1, 2))))
    return psnr_slice_volume_max(predicted, real, body) * kept + 100.0 * (1.0 - kept)


def eight_bit(predicted: Image, real: Image, body: Mask) -> float:  # noqa: ARG001
    """Return PSNR of both volumes divided by the real maximum and rounded to 8 bits, peak 255."""
    levels = [np.rint(np.clip(_wide(image) / float(real.max()), 0.0, 1.0) * 255.0) for image in (predicted, real)]
    return decibels(_mse(*levels), 255.0)


CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        "body, clipped to 0–20 SUV, peak 20",
        "SynthRAD, with CT numbers",
        "errors above 20 SUV",
        psnr_body_suv20,
        scored="psnr_body_suv20",
    ),
    Convention(
        "volume, peak real maximum",
        "UDPET 2022–2025",
        "air lowers the error, one hot voxel raises the peak",
        lambda p, r, _b: psnr_volume_max(p, r),
        scored="psnr_volume_max",
    ),
    Convention(
        "mean over body slices, peak real volume's maximum",
        "2-D translation papers",
        "the same, and slices of legs count like slices of organs",
        psnr_slice_volume_max,
        scored="psnr_slice_volume_max",
    ),
    Convention(
        "body, peak real maximum", "—", "comparable only within one participant: the peak is one voxel", body_maximum
    ),
    Convention("volume, clipped to 0–20 SUV, peak 20", "—", "air lowers the error", fixed_volume),
    Convention("body, clipped to 0–10 SUV, peak 10", "—", "bladder, brain and kidneys are clipped away", fixed_body_10),
    Convention(
        "volume, error clipped at 16 SUV, peak unclipped maximum",
        "Yu 2025",
        "the error of the bladder, which still raises the peak",
        clipped_error_unclipped_peak,
    ),
    Convention(
        "mean over body slices, peak each slice's maximum",
        "fastMRI-style code",
        "the scale of what is shown: each slice has its own",
        slice_maximum,
    ),
    Convention(
        "mean over body slices, each image divided by its own maximum",
        "ResViT, st-DTPM",
        "any wrong SUV scale, wholly: quantification is not scored at all",
        own_maximum,
    ),
    Convention(
        "mean over body slices, each image divided by its own mean",
        "SelfRDB, SynDiff",
        "any wrong SUV scale, wholly",
        own_mean,
    ),
    Convention(
        "volume in [0, 1], range 2",
        "float defaults of libraries",
        "nothing more than the volume's PSNR, and adds 6.02 dB",
        double_range,
    ),
    Convention(
        "mean over all slices, empty ones 100 dB",
        "Yu 2025, st-DTPM",
        "the score rises with the air above the head",
        slices_with_empty_ones,
    ),
    Convention("volume, 8 bits, peak 255", "PNG pipelines", "anything below 1/255 of the hottest voxel", eight_bit),
)


def _slice_mean(predicted: Image, real: Image, body: Mask, psnr: Callable[[Array, Array], float]) -> float:
    kept = body.any(axis=(1, 2))
    pairs = zip(_wide(predicted)[kept], _wide(real)[kept], strict=True)
    return float(np.mean([psnr(p, r) for p, r in pairs if r.max() > 0.0]))


def _unit(image: Array) -> Array:
    return image / max(float(image.max()), 1e-12)


def _clip(image: Image, limit: float) -> Array:
    return np.clip(_wide(image), 0.0, limit)


def _wide(image: Image) -> Array:
    return np.asarray(image, dtype=np.float64)


def _mse(predicted: Array, real: Array) -> float:
    return float(np.mean(np.square(predicted - real)))
