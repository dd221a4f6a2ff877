"""How much room a simulated cohort leaves to compete: from `identity` to a second noise realisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_datasets.cohort import Cohort

    Volume = NDArray[np.float32]

CONVENTIONS = ("psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max")
ROWS = ("identity", "scale", "organ-scale", "second realisation")
_RANGE_SUV = 20.0
_LABELS = 64


@dataclass(frozen=True, slots=True)
class Room:
    """Mean PSNR in dB over participants: row -> one value a convention, in the order of `CONVENTIONS`.

    The factors of `scale` and `organ-scale` are fitted on all other participants.
    """

    decibels: dict[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Share:
    """What one participant adds to the fits, and its rows that need none.

    Attributes:
        name: the participant.
        fixed: row -> PSNR in the three conventions.
        products: sums over the body of (delayed x early, early x early), label by label, shape (2, labels).
    """

    name: str
    fixed: dict[str, tuple[float, float, float]]
    products: NDArray[np.float64]


def share_of(
    name: str, early: Volume, delayed: Volume, repeat: Volume, body: NDArray[np.bool_], labels: NDArray[np.int16]
) -> Share:
    """Measure one participant's share; volumes are SUV of shape (z, y, x)."""
    fixed = {"identity": psnr(early, delayed, body), "second realisation": psnr(repeat, delayed, body)}
    inside, wide = labels[body], early[body].astype(np.float64)
    sums = [np.bincount(inside, first[body] * wide, _LABELS) for first in (delayed, early)]
    products = np.array(sums, dtype=np.float64)
    return Share(name, fixed, products)


def room_of(cohort: Cohort, shares: Sequence[Share]) -> Room:
    """Score the reference rows."""
    total = np.sum([share.products for share in shares], axis=0)
    values: dict[str, list[tuple[float, float, float]]] = {row: [] for row in ROWS}
    for share in shares:
        delayed_early, early_early = total - share.products if len(shares) > 1 else total
        factor = float(delayed_early.sum() / early_early.sum())
        by_label = np.divide(delayed_early, early_early, out=np.full(_LABELS, factor), where=early_early > 0)
        pair, body, found = cohort.pair(share.name), cohort.body_mask(share.name), cohort.labels(share.name)
        labels = np.zeros(body.shape, np.int16) if found is None else found[0]
        factors = np.where(body, by_label[labels], factor).astype(np.float32)
        values["scale"].append(psnr(pair.early * np.float32(factor), pair.delayed, body))
        values["organ-scale"].append(psnr(pair.early * factors, pair.delayed, body))
        for row, known in share.fixed.items():
            values[row].append(known)
    means = {row: np.mean(found, axis=0) for row, found in values.items()}
    return Room({row: (float(mean[0]), float(mean[1]), float(mean[2])) for row, mean in means.items()})


def psnr(predicted: Volume, real: Volume, body: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return PSNR in dB in the three conventions of the protocol, in the order of `CONVENTIONS`."""
    peak = float(real.max())
    error = predicted.astype(np.float64) - real
    clipped = np.clip(predicted[body], 0, _RANGE_SUV).astype(np.float64) - np.clip(real[body], 0, _RANGE_SUV)
    slices = np.mean(error[body.any(axis=(1, 2))] ** 2, axis=(1, 2))
    return (
        float(10 * np.log10(_RANGE_SUV**2 / np.mean(clipped**2))),
        float(10 * np.log10(peak**2 / np.mean(error**2))),
        float(np.mean(10 * np.log10(peak**2 / np.maximum(slices, 1e-20)))),
    )
