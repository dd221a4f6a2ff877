"""The headroom of a dataset: how far its early images, and the simplest corrections of them, are from a repeat scan.

All scores are those of the protocol's metrics, and the factors of `organ-scale` those of the reference row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.psnr import decibels, psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.protocol import RANGE_SUV
from petbench.runs.reference_rows import ORGAN_SCALE, REPEAT_SCAN
from petbench.runs.references import fitted_factors, organ_products, repeat_scan, scale_organs
from petbench_datasets.dataset.split import load_split
from petbench_datasets.progress import Progress, silent
from petbench_datasets.specs import Headroom, HeadroomRow
from petbench_leaderboard.board import IDENTITY_METHOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.runs.references import OrganProducts
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Volume

    Mask = NDArray[np.bool_]

METRICS = (psnr_body_suv20.__name__, psnr_volume_max.__name__, psnr_slice_volume_max.__name__)
HELD_OUT = "holdout"
"""The split whose test participants runs are scored on."""

SCALE = "scale"
FACTORS = np.arange(50, 201, 2) / 100.0
"""Among these the best single factor is looked for."""


@dataclass(frozen=True, slots=True)
class _Share:
    """What one participant adds to the fits, and the scores that need none; arrays end in one axis of `METRICS`."""

    products: OrganProducts
    identity: NDArray[np.float64]
    repeat_scan: NDArray[np.float64]
    by_factor: NDArray[np.float64]


def measure_headroom(dataset: Dataset, progress: Progress = silent) -> tuple[Headroom, Headroom]:
    """Score the reference rows and the repeat scan, in the three conventions of PSNR.

    Args:
        dataset: with organ labels, a repeat scan of everybody and the split `holdout`.
        progress: called after each participant.

    Returns:
        Over the test participants of `holdout`, factors fitted on its training participants, as a run's row is; and
        over all participants, factors fitted on all others.

    Raises:
        DataError: the dataset lacks labels, repeat scans or the split.
    """
    fold, names = load_split(dataset, HELD_OUT).folds[0], dataset.participants
    shares: dict[str, _Share] = {}
    for number, name in enumerate(names):
        progress("measuring the headroom", number, 2 * len(names))
        shares[name] = _share(dataset, name)
    apart: dict[str, Mapping[str, NDArray[np.float64]]] = {}
    held_out: dict[str, Mapping[str, NDArray[np.float64]]] = {}
    trained = [shares[name].products for name in fold.train]
    for number, name in enumerate(names):
        progress("measuring the headroom", len(names) + number, 2 * len(names))
        others = [share.products for other, share in shares.items() if other != name or len(names) == 1]
        apart[name] = _scores(dataset, name, shares[name], others)
        if name in fold.test:
            held_out[name] = _scores(dataset, name, shares[name], trained)
    progress("measuring the headroom", 2 * len(names), 2 * len(names))
    tested = {name: held_out[name] for name in fold.test}
    return _headroom(tested, shares, fold.train), _headroom(apart, shares, ())


def scores(predicted: Volume, real: Volume, body: Mask) -> NDArray[np.float64]:
    """Return PSNR in dB, in the order of `METRICS`."""
    return np.array(
        [
            psnr_body_suv20(predicted, real, body),
            psnr_volume_max(predicted, real),
            psnr_slice_volume_max(predicted, real, body),
        ]
    )


def scores_by_factor(early: Volume, delayed: Volume, body: Mask) -> NDArray[np.float64]:
    """Return `scores` of factor x early for every one of `FACTORS`, shape (factors, metrics).

    Without clipping the squared error is a parabola of the factor, slice by slice, so that no image is scaled.
    """
    peak = float(delayed.max())
    wide, real = early.astype(np.float64), delayed.astype(np.float64)
    square, product, rest = (np.mean(a * b, axis=(1, 2)) for a, b in ((wide, wide), (wide, real), (real, real)))
    inside = body.any(axis=(1, 2))
    low, high = np.clip(wide[body], 0, None), np.clip(real[body], 0, RANGE_SUV)
    rows = []
    for factor in FACTORS:
        slices = factor * factor * square - 2 * factor * product + rest
        clipped = float(np.mean((np.minimum(factor * low, RANGE_SUV) - high) ** 2))
        by_slice = [decibels(float(error), peak) for error in slices[inside]]
        rows.append([decibels(clipped, RANGE_SUV), decibels(float(slices.mean()), peak), float(np.mean(by_slice))])
    return np.array(rows)


def _share(dataset: Dataset, name: str) -> _Share:
    pair, body = dataset.pair(name), dataset.body_mask(name)
    repeat = scores(repeat_scan(dataset, name).suv(), pair.delayed, body)
    curve = scores_by_factor(pair.early, pair.delayed, body)
    return _Share(organ_products(dataset, name), scores(pair.early, pair.delayed, body), repeat, curve)


def _scores(
    dataset: Dataset, name: str, share: _Share, fitted_on: Sequence[OrganProducts]
) -> dict[str, NDArray[np.float64]]:
    """Return one participant's score of every row."""
    pair, body = dataset.pair(name), dataset.body_mask(name)
    delayed_early, early_early = np.sum([found for products in fitted_on for found in products.values()], axis=0)
    scaled = pair.early * np.float32(delayed_early / early_early)
    by_organ = scale_organs(dataset, name, pair.early, fitted_factors(fitted_on))
    return {
        IDENTITY_METHOD: share.identity,
        SCALE: scores(scaled, pair.delayed, body),
        ORGAN_SCALE: scores(by_organ, pair.delayed, body),
        REPEAT_SCAN: share.repeat_scan,
    }


def _headroom(
    tested: Mapping[str, Mapping[str, NDArray[np.float64]]], shares: Mapping[str, _Share], fitted: tuple[str, ...]
) -> Headroom:
    curves = np.mean([shares[name].by_factor for name in tested], axis=0)
    rows = [
        HeadroomRow(row, _plain(np.mean([found[row] for found in tested.values()], axis=0)))
        for row in (IDENTITY_METHOD, SCALE, ORGAN_SCALE, REPEAT_SCAN)
    ]
    return Headroom(
        metrics=METRICS,
        tested=tuple(tested),
        fitted=fitted,
        references=tuple(rows[:-1]),
        repeat_scan=rows[-1],
        methods=(),
        best_factors=_plain(FACTORS[curves.argmax(axis=0)]),
        best_values=_plain(curves.max(axis=0)),
    )


def _plain(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
