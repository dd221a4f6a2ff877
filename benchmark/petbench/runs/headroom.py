"""The headroom of a dataset: how far its early images, and simple corrections of them, are from what can be predicted.

All scores are those of the protocol's metrics; `organ-scale` and `predictable` are fitted as the reference rows are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.psnr import decibels, psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.protocol import RANGE_SUV
from petbench.runs.organ_levels import leave_one_out
from petbench.runs.predictable import learn, lesson, predictable_image
from petbench.runs.reference_rows import ORGAN_SCALE, PREDICTABLE, REPEAT_SCAN
from petbench.runs.references import fitted_factors, organ_products, repeat_scan, scale_organs
from petbench_datasets.dataset.split import load_split
from petbench_datasets.progress import Progress, silent
from petbench_datasets.specs import Headroom, HeadroomRow, Predictable
from petbench_leaderboard.board import IDENTITY_METHOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.runs.predictable import Lesson
    from petbench.runs.references import OrganProducts
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Volume

    Mask = NDArray[np.bool_]
    Scores = NDArray[np.float64]

METRICS = (psnr_body_suv20.__name__, psnr_volume_max.__name__, psnr_slice_volume_max.__name__)
HELD_OUT = "holdout"
"""The split whose test participants runs are scored on."""

SCALE = "scale"
FACTORS = np.arange(50, 201, 2) / 100.0
"""Among these the best single factor is looked for."""

_TRUE_LEVELS = "true levels"


@dataclass(frozen=True, slots=True)
class _Share:
    """What one participant adds to the fits, and the scores that need none; arrays end in one axis of `METRICS`."""

    products: OrganProducts
    lesson: Lesson | None
    identity: Scores
    repeat_scan: Scores
    by_factor: Scores


@dataclass(frozen=True, slots=True)
class _Found:
    """One participant's scores by row, in the order of `METRICS`, and the blur that the others were fitted with."""

    scores: Mapping[str, Scores]
    blur_millimetres: float


def measure_headroom(dataset: Dataset, progress: Progress = silent) -> tuple[Headroom, Headroom]:
    """Score the reference rows and the repeat scan, in the three conventions of PSNR.

    Args:
        dataset: with organ labels, a repeat scan of everybody and the split `holdout`; without true activity, nothing
            is said of what can be predicted.
        progress: called after each participant.

    Returns:
        Over the test participants of `holdout`, all that is fitted being fitted on its training participants, as for a
        row; and over all participants, fitted on all others.

    Raises:
        DataError: the dataset lacks labels, repeat scans or the split.
    """
    fold, names = load_split(dataset, HELD_OUT).folds[0], dataset.participants
    shares: dict[str, _Share] = {}
    for number, name in enumerate(names):
        progress("measuring the headroom", number, 2 * len(names))
        shares[name] = _share(dataset, name)
    apart: dict[str, _Found] = {}
    held_out: dict[str, _Found] = {}
    trained = [shares[name] for name in fold.train]
    for number, name in enumerate(names):
        progress("measuring the headroom", len(names) + number, 2 * len(names))
        others = [share for other, share in shares.items() if other != name or len(names) == 1]
        apart[name] = _found(dataset, name, shares[name], others)
        if name in fold.test:
            held_out[name] = _found(dataset, name, shares[name], trained)
    progress("measuring the headroom", 2 * len(names), 2 * len(names))
    tested = {name: held_out[name] for name in fold.test}
    return _headroom(tested, shares, fold.train), _headroom(apart, shares, ())


def scores(predicted: Volume, real: Volume, body: Mask) -> Scores:
    """Return PSNR in dB, in the order of `METRICS`."""
    return np.array(
        [
            psnr_body_suv20(predicted, real, body),
            psnr_volume_max(predicted, real),
            psnr_slice_volume_max(predicted, real, body),
        ]
    )


def scores_by_factor(early: Volume, delayed: Volume, body: Mask) -> Scores:
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
    return _Share(
        products=organ_products(dataset, name),
        lesson=lesson(dataset, name) if dataset.has_truth else None,
        identity=scores(pair.early, pair.delayed, body),
        repeat_scan=scores(repeat_scan(dataset, name).suv(), pair.delayed, body),
        by_factor=scores_by_factor(pair.early, pair.delayed, body),
    )


def _found(dataset: Dataset, name: str, share: _Share, fitted_on: Sequence[_Share]) -> _Found:
    """Return one participant's score of every row, the fits being those of other participants."""
    pair, body = dataset.pair(name), dataset.body_mask(name)
    products = [other.products for other in fitted_on]
    delayed_early, early_early = np.sum([found for one in products for found in one.values()], axis=0)
    scaled = pair.early * np.float32(delayed_early / early_early)
    by_organ = scale_organs(dataset, name, pair.early, fitted_factors(products))
    found = {
        IDENTITY_METHOD: share.identity,
        SCALE: scores(scaled, pair.delayed, body),
        ORGAN_SCALE: scores(by_organ, pair.delayed, body),
        REPEAT_SCAN: share.repeat_scan,
    }
    lessons = [other.lesson for other in fitted_on if other.lesson]
    if not lessons:
        return _Found(found, 0.0)
    learnt = learn(lessons)
    for row, known in ((PREDICTABLE, False), (_TRUE_LEVELS, True)):
        image = predictable_image(dataset, name, learnt, true_levels=known)
        found[row] = scores(image, pair.delayed, body)
    return _Found(found, learnt.blur_millimetres)


def _headroom(tested: Mapping[str, _Found], shares: Mapping[str, _Share], fitted: tuple[str, ...]) -> Headroom:
    curves = np.mean([shares[name].by_factor for name in tested], axis=0)

    def mean(row: str) -> tuple[float, ...]:
        return _plain(np.mean([found.scores[row] for found in tested.values()], axis=0))

    levels = {name: share.lesson.levels for name, share in shares.items() if share.lesson}
    return Headroom(
        metrics=METRICS,
        tested=tuple(tested),
        fitted=fitted,
        references=tuple(HeadroomRow(row, mean(row)) for row in (IDENTITY_METHOD, SCALE, ORGAN_SCALE)),
        repeat_scan=HeadroomRow(REPEAT_SCAN, mean(REPEAT_SCAN)),
        methods=(),
        best_factors=_plain(FACTORS[curves.argmax(axis=0)]),
        best_values=_plain(curves.max(axis=0)),
        predictable=Predictable(
            row=HeadroomRow(PREDICTABLE, mean(PREDICTABLE)),
            true_levels=mean(_TRUE_LEVELS),
            blur_millimetres=float(np.mean([found.blur_millimetres for found in tested.values()])),
            organs=() if fitted else leave_one_out(levels),
        )
        if levels
        else None,
    )


def _plain(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
