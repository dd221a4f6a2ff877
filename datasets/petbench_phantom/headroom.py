"""How much room a simulated dataset leaves to compete: from `identity` to a second noise realisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset

    Volume = NDArray[np.float32]
    Decibels = tuple[float, float, float]

CONVENTIONS = ("psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max")
ROWS = ("identity", "scale", "organ-scale", "second realisation")
CEILING = ROWS[-1]
_RANGE_SUV = 20.0
_LABELS = 64
_AIR = _LABELS - 1
_FACTORS = np.arange(50, 201, 2) / 100.0


@dataclass(frozen=True, slots=True)
class Room:
    """Mean PSNR in dB over the tested participants.

    Attributes:
        tested: their names.
        fitted: whom the factors of `scale` and `organ-scale` are fitted on: their names; empty if, for each tested
            participant, all others.
        decibels: row -> one value a convention, in the order of `CONVENTIONS`.
        best_factors: the one factor, the same for all tested, that gives the highest PSNR, a value a convention. It is
            found with the answers in hand: no fit can pass it.
        best_decibels: the PSNR that it gives.
    """

    tested: tuple[str, ...]
    fitted: tuple[str, ...]
    decibels: dict[str, Decibels]
    best_factors: Decibels
    best_decibels: Decibels

    @property
    def headroom(self) -> Decibels:
        """How far the second realisation stands above `identity`, in dB, a value a convention."""
        low, high = self.decibels["identity"], self.decibels[CEILING]
        return (high[0] - low[0], high[1] - low[1], high[2] - low[2])


@dataclass(frozen=True, slots=True)
class MethodScore:
    """Where a method stands that was run on the tested participants.

    Attributes:
        method: its name.
        decibels: mean PSNR, a value a convention.
        source: which runs, and what they were allowed.
    """

    method: str
    decibels: Decibels
    source: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one participant adds to the fits, and its rows that need none.

    Attributes:
        name: the participant.
        fixed: row -> PSNR in the three conventions.
        products: sums of (delayed x early, early x early), label by label and in the air, shape (2, labels).
        by_factor: PSNR of the early image times each of a row of factors, shape (factors, conventions).
    """

    name: str
    fixed: dict[str, Decibels]
    products: NDArray[np.float64]
    by_factor: NDArray[np.float64]


def share_of(
    name: str, early: Volume, delayed: Volume, repeat: Volume, body: NDArray[np.bool_], labels: NDArray[np.int16]
) -> Share:
    """Measure one participant's share; volumes are SUV of shape (z, y, x)."""
    fixed = {"identity": psnr(early, delayed, body), CEILING: psnr(repeat, delayed, body)}
    regions, wide = _regions(labels, body).ravel(), early.astype(np.float64).ravel()
    sums = [np.bincount(regions, first.ravel() * wide, _LABELS) for first in (delayed, early)]
    return Share(name, fixed, np.array(sums, dtype=np.float64), _by_factor(early, delayed, body))


def room_of(dataset: Dataset, shares: Sequence[Share]) -> Room:
    """Score the reference rows on everyone, the factors fitted on all others."""
    total = np.sum([share.products for share in shares], axis=0)
    alone = len(shares) == 1
    return _room(dataset, shares, (), {share.name: total if alone else total - share.products for share in shares})


def held_out_room_of(dataset: Dataset, shares: Sequence[Share], train: Sequence[str], test: Sequence[str]) -> Room:
    """Score the reference rows on `test`, the factors fitted on `train`: what a run's row may be set beside."""
    by_name = {share.name: share for share in shares}
    products = np.sum([by_name[name].products for name in train], axis=0)
    return _room(dataset, [by_name[name] for name in test], tuple(train), dict.fromkeys(test, products))


def _room(
    dataset: Dataset, shares: Sequence[Share], fitted: tuple[str, ...], products: Mapping[str, NDArray[np.float64]]
) -> Room:
    values: dict[str, list[Decibels]] = {row: [] for row in ROWS}
    for share in shares:
        delayed_early, early_early = products[share.name]
        factor = float(delayed_early.sum() / early_early.sum())
        by_label = np.divide(delayed_early, early_early, out=np.full(_LABELS, factor), where=early_early > 0)
        pair, body, found = dataset.pair(share.name), dataset.body_mask(share.name), dataset.labels(share.name)
        labels = np.zeros(body.shape, np.int16) if found is None else found[0]
        factors = by_label[_regions(labels, body)].astype(np.float32)
        values["scale"].append(psnr(pair.early * np.float32(factor), pair.delayed, body))
        values["organ-scale"].append(psnr(pair.early * factors, pair.delayed, body))
        for row, known in share.fixed.items():
            values[row].append(known)
    curves = np.mean([share.by_factor for share in shares], axis=0)
    return Room(
        tested=tuple(share.name for share in shares),
        fitted=fitted,
        decibels={row: _three(np.mean(found, axis=0)) for row, found in values.items()},
        best_factors=_three(_FACTORS[curves.argmax(axis=0)]),
        best_decibels=_three(curves.max(axis=0)),
    )


def _regions(labels: NDArray[np.int16], body: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the organs; the rest of the body is 0, the air around it a region of its own."""
    return np.where(body | (labels > 0), labels, np.int16(_AIR))


def psnr(predicted: Volume, real: Volume, body: NDArray[np.bool_]) -> Decibels:
    """Return PSNR in dB in the three conventions of the protocol, in the order of `CONVENTIONS`."""
    peak = float(real.max())
    error = predicted.astype(np.float64) - real
    clipped = np.clip(predicted[body], 0, _RANGE_SUV).astype(np.float64) - np.clip(real[body], 0, _RANGE_SUV)
    slices = np.mean(error[body.any(axis=(1, 2))] ** 2, axis=(1, 2))
    return (
        float(_decibels(_RANGE_SUV, np.mean(clipped**2))),
        float(_decibels(peak, np.mean(error**2))),
        float(np.mean(_decibels(peak, slices))),
    )


def _by_factor(early: Volume, delayed: Volume, body: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return `psnr` of factor x early for every factor, shape (factors, conventions)."""
    peak = float(delayed.max())
    wide, real = early.astype(np.float64), delayed.astype(np.float64)
    # Without clipping the squared error is a parabola of the factor, slice by slice.
    square, product, rest = (np.mean(a * b, axis=(1, 2)) for a, b in ((wide, wide), (wide, real), (real, real)))
    inside = body.any(axis=(1, 2))
    low, high = np.clip(wide[body], 0, None), np.clip(real[body], 0, _RANGE_SUV)
    rows = []
    for factor in _FACTORS:
        slices = factor * factor * square - 2 * factor * product + rest
        clipped = np.mean((np.minimum(factor * low, _RANGE_SUV) - high) ** 2)
        whole = (_decibels(_RANGE_SUV, clipped), _decibels(peak, slices.mean()))
        rows.append([*whole, np.mean(_decibels(peak, slices[inside]))])
    return np.array(rows, dtype=np.float64)


def _decibels(peak: float, mean_square_error: Any) -> Any:
    return 10 * np.log10(peak**2 / np.maximum(mean_square_error, 1e-20))


def _three(values: NDArray[np.float64]) -> Decibels:
    return (float(values[0]), float(values[1]), float(values[2]))
