"""Each mistake that published scores are made with is put in, and the check that passes without it must fail.

A check takes the function under test, so that the same check can be held against the genuine function and the mutant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench.evaluation import scoring
from petbench.evaluation.metrics.organs import bias_percent
from petbench.evaluation.metrics.psnr import decibels, psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.metrics.ssim import ssim_body_suv20
from petbench.evaluation.reader import find_predictions
from petbench.evaluation.scoring import score_predictions
from petbench.evaluation.slices import body_slices
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.tasks.task import Task

Function = Callable[..., Any]

SHAPE = (16, 14, 13)
GRID = Grid.regular(SHAPE, (5.0, 5.0, 5.0))


def real() -> NDArray[np.float32]:
    volume = np.random.default_rng(3).gamma(2.0, 1.0, SHAPE).astype(np.float32)
    volume[~body()] = 0.0
    volume[8, 7, 6] = 30.0
    return volume


def body() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:14, 2:12, 2:11] = True
    return mask


def mean_square(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.mean(np.square(a.astype(np.float64) - b.astype(np.float64))))


def check_body_psnr(psnr: Function) -> None:
    """0.5 SUV everywhere in a body below 20 SUV is 20·log10(40) dB, whatever lies outside."""
    truth = np.minimum(real(), 19.0).astype(np.float32)
    predicted = truth + np.float32(0.5)
    predicted[~body()] += 3.0
    assert psnr(predicted, truth, body()) == pytest.approx(20 * np.log10(40), abs=1e-4)


def psnr_with_the_images_own_range(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return decibels(mean_square(p[mask], r[mask]), float(r.max() - r.min()))


def psnr_without_the_mask(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return decibels(mean_square(p.clip(0, 20), r.clip(0, 20)), 20.0)


def psnr_after_own_maximum(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return psnr_body_suv20(p / p.max() * 20.0, r / r.max() * 20.0, mask)


def check_a_wrong_scale_costs(psnr: Function) -> None:
    """Twice the uptake must be seen: it scores below a tenth too much by about 20 dB."""
    truth = np.minimum(real(), 9.0)
    assert psnr(2.0 * truth, truth, body()) < psnr(1.1 * truth, truth, body()) - 15.0


def check_slice_psnr(psnr: Function) -> None:
    """With one peak of 30 SUV for all slices, 0.3 SUV everywhere is 40 dB; slices without body do not count."""
    truth = real()
    predicted = truth + np.float32(0.3)
    predicted[[0, 1, 14, 15]] = truth[[0, 1, 14, 15]]
    assert psnr(predicted, truth, body()) == pytest.approx(40.0, abs=1e-4)


def slice_psnr_with_each_slices_maximum(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    kept = np.flatnonzero(mask.any(axis=(1, 2)))
    return float(np.mean([decibels(mean_square(p[z], r[z]), float(r[z].max())) for z in kept]))


def slice_psnr_with_empty_slices(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return float(np.mean([decibels(mean_square(p[z], r[z]), float(r.max())) for z in range(len(r))]))


def slice_psnr_without_slices_that_the_prediction_left_empty(
    p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]
) -> float:
    kept = np.flatnonzero((p > 0).any(axis=(1, 2)) & mask.any(axis=(1, 2)))
    return float(np.mean([decibels(mean_square(p[z], r[z]), float(r.max())) for z in kept]))


def check_a_slice_left_empty_costs(psnr: Function) -> None:
    """A prediction that leaves body slices empty must not score as if they were not there."""
    truth = real()
    predicted = truth + np.float32(0.1)
    whole = psnr(predicted, truth, body())
    predicted[4:8] = 0.0
    assert psnr(predicted, truth, body()) < whole - 3.0


def check_volume_psnr(psnr: Function) -> None:
    """The peak is the real volume's maximum: a hot voxel in the prediction must not raise it."""
    truth = real()
    predicted = truth.copy()
    predicted[8, 7, 5] += 60.0
    assert psnr(predicted, truth) == pytest.approx(10 * np.log10(30.0**2 / (60.0**2 / truth.size)), abs=1e-4)


def volume_psnr_with_the_predictions_maximum(p: NDArray[Any], r: NDArray[Any]) -> float:
    return decibels(mean_square(p, r), float(p.max()))


def check_ssim(ssim: Function) -> None:
    """A common factor must be seen, and air must not count."""
    truth = np.minimum(real(), 9.0)
    assert ssim(2.0 * truth, truth, body()) < 0.9
    outside = truth.copy()
    outside[0, 0, 0] = 15.0  # more than a window away from the smaller body below
    inner = np.zeros(SHAPE, dtype=bool)
    inner[6:12, 6:11, 6:11] = True
    assert ssim(outside, truth, inner) == pytest.approx(1.0)


def ssim_of_images_divided_by_their_own_maximum(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return ssim_body_suv20(p / p.max() * 20.0, r / r.max() * 20.0, mask)


def ssim_without_the_mask(p: NDArray[Any], r: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    return ssim_body_suv20(p, r, np.ones_like(mask))


def check_bias(bias: Function) -> None:
    """Too hot is positive, and the real value is in the denominator."""
    assert bias(3.0, 2.0) == pytest.approx(50.0)
    assert bias(1.0, 2.0) == pytest.approx(-50.0)


def check_slices(slices: Function) -> None:
    """Slices are kept by the body, empty predictions included, and windowed by the protocol, not by themselves."""
    truth = real()
    predicted = np.zeros(SHAPE, dtype=np.float32)
    predicted[5, 5, 5] = 5.0
    assert len(slices(predicted, body())) == len(slices(truth, body())) == 12
    assert slices(predicted, body()).max() == 128
    assert slices(2 * predicted, body()).max() == 255


def slices_without_empty_ones(volume: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    images = body_slices(volume, mask)
    return images[images.any(axis=(1, 2))]


def slices_by_their_own_maximum(volume: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    return body_slices(volume / max(volume.max(), 1e-9) * 10.0, mask)


MUTANTS: list[tuple[Callable[[Function], None], Function, Function]] = [
    (check_body_psnr, psnr_body_suv20, psnr_with_the_images_own_range),
    (check_body_psnr, psnr_body_suv20, psnr_without_the_mask),
    (check_a_wrong_scale_costs, psnr_body_suv20, psnr_after_own_maximum),
    (check_slice_psnr, psnr_slice_volume_max, slice_psnr_with_each_slices_maximum),
    (check_slice_psnr, psnr_slice_volume_max, slice_psnr_with_empty_slices),
    (
        check_a_slice_left_empty_costs,
        psnr_slice_volume_max,
        slice_psnr_without_slices_that_the_prediction_left_empty,
    ),
    (check_volume_psnr, psnr_volume_max, volume_psnr_with_the_predictions_maximum),
    (check_ssim, ssim_body_suv20, ssim_of_images_divided_by_their_own_maximum),
    (check_ssim, ssim_body_suv20, ssim_without_the_mask),
    (check_bias, bias_percent, lambda p, r: 100.0 * (r - p) / r),
    (check_bias, bias_percent, lambda p, r: 100.0 * (p - r) / p),
    (check_slices, body_slices, slices_without_empty_ones),
    (check_slices, body_slices, slices_by_their_own_maximum),
]


@pytest.mark.parametrize(("check", "genuine", "mutant"), MUTANTS, ids=lambda part: getattr(part, "__name__", "mutant"))
def test_the_check_passes_for_the_metric_and_fails_for_the_mutant(
    check: Callable[[Function], None], genuine: Function, mutant: Function
) -> None:
    check(genuine)
    with pytest.raises(AssertionError):
        check(mutant)


@dataclass(frozen=True)
class Images:
    early: NDArray[np.float32]
    delayed: NDArray[np.float32]
    grid: Grid = GRID


@dataclass(frozen=True)
class Pairs:
    name: str = "two"
    participants: tuple[str, ...] = ("sub-01", "sub-02")
    fingerprint: str = "0" * 64
    task: Task = DEFAULT_TASK

    def pair(self, participant: str, /) -> Images:
        factor = np.float32(1.0 if participant == "sub-01" else 1.5)
        return Images(real(), real() * factor)

    def body_mask(self, participant: str, /) -> NDArray[np.bool_]:
        return body()

    def labels(self, participant: str, /, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        return None


def check_participants(folder: Path) -> None:
    """Copies of the two participants' own images have no error at all."""
    records = score_predictions(Pairs(), ["sub-01", "sub-02"], folder, cache=folder / "cache", distances=())
    assert [record.value for record in records if record.metric == "mae_body_suv"] == [0.0, 0.0]


def test_swapped_participants_are_noticed_and_a_missing_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for participant in Pairs().participants:
        write_image(tmp_path / f"{participant}.nii.gz", Pairs().pair(participant).delayed, GRID)
    check_participants(tmp_path)
    genuine = find_predictions

    def swapped(*arguments: Any) -> dict[str, Path]:
        found = genuine(*arguments)
        return dict(zip(found, reversed(found.values()), strict=True))

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "find_predictions", swapped)
        with pytest.raises(AssertionError):
            check_participants(tmp_path)
    with monkeypatch.context() as patch:  # a mean over whoever is there
        patch.setattr(scoring, "find_predictions", lambda *found: dict([*genuine(*found).items()][:1]))
        with pytest.raises(AssertionError):
            check_participants(tmp_path)
    (tmp_path / "sub-02.nii.gz").unlink()
    with pytest.raises(DataError, match="no prediction of sub-02"):
        check_participants(tmp_path)
