"""The room to compete: the same numbers as the protocol's metrics, and where methods fall in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.evaluation.metrics.psnr import psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench_phantom.headroom import MethodScore, psnr, room_of, share_of
from petbench_phantom.headroom_section import room_section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset
    from petbench_phantom.headroom import Share
    from petbench_phantom.validation import Validation

RANDOM = np.random.default_rng(3)
EARLY = RANDOM.gamma(2.0, 2.0, (6, 9, 8)).astype(np.float32)
EARLY[2, 4, 4] = 60.0  # beyond the window of 0 to 20 SUV
DELAYED = (EARLY * RANDOM.uniform(0.5, 2.0, EARLY.shape)).astype(np.float32)
BODY = RANDOM.random(EARLY.shape) > 0.4
BODY[0] = False
LABELS = RANDOM.integers(0, 3, EARLY.shape).astype(np.int16)


class Images:
    """One participant, as the room asks a dataset for them."""

    def __init__(self, early: NDArray[np.float32], delayed: NDArray[np.float32]) -> None:
        self.early, self.delayed = early, delayed

    def pair(self, _name: str) -> Images:
        return self

    def body_mask(self, _name: str) -> NDArray[np.bool_]:
        return BODY

    def labels(self, _name: str) -> tuple[NDArray[np.int16], None]:
        return LABELS, None


def measured(early: NDArray[np.float32], delayed: NDArray[np.float32]) -> Share:
    return share_of("sub-01", early, delayed, delayed, BODY, LABELS)


def protocol(predicted: NDArray[np.float32]) -> tuple[float, float, float]:
    return (
        psnr_body_suv20(predicted, DELAYED, BODY),
        psnr_volume_max(predicted, DELAYED),
        psnr_slice_volume_max(predicted, DELAYED, BODY),
    )


def test_psnr_is_that_of_the_protocol() -> None:
    assert psnr(EARLY, DELAYED, BODY) == pytest.approx(protocol(EARLY), abs=1e-6)


def test_every_factor_scores_as_the_scaled_image_does() -> None:
    rows = measured(EARLY, DELAYED).by_factor
    for index, factor in ((0, 0.5), (25, 1.0), (40, 1.3)):
        assert tuple(rows[index]) == pytest.approx(protocol(EARLY * np.float32(factor)), abs=1e-4)


def test_the_best_single_factor_is_found_and_nothing_fitted_passes_it() -> None:
    plain: Dataset = Images(EARLY, EARLY * np.float32(1.3))  # type: ignore[assignment]
    room = room_of(plain, [measured(EARLY, EARLY * np.float32(1.3))])
    assert room.best_factors == pytest.approx((1.3, 1.3, 1.3))
    mixed: Dataset = Images(EARLY, DELAYED)  # type: ignore[assignment]
    room = room_of(mixed, [measured(EARLY, DELAYED)])
    for row in ("identity", "scale"):
        assert all(value <= best + 0.01 for value, best in zip(room.decibels[row], room.best_decibels, strict=True)), (
            row
        )


def test_the_factors_are_those_of_least_squares_over_all_voxels_and_over_each_organ() -> None:
    mixed: Dataset = Images(EARLY, DELAYED)  # type: ignore[assignment]
    room = room_of(mixed, [measured(EARLY, DELAYED)])
    factor = np.linalg.lstsq(EARLY.reshape(-1, 1).astype(float), DELAYED.ravel().astype(float), rcond=None)[0].item()
    assert room.decibels["scale"] == pytest.approx(protocol(EARLY * np.float32(factor)), abs=1e-4)
    predicted = np.zeros_like(EARLY)
    for region in (BODY & (LABELS == 0), ~BODY & (LABELS == 0), LABELS == 1, LABELS == 2):
        early, delayed = EARLY[region].astype(float), DELAYED[region].astype(float)
        predicted[region] = early * np.linalg.lstsq(early[:, None], delayed, rcond=None)[0].item()
    assert room.decibels["organ-scale"] == pytest.approx(protocol(predicted), abs=1e-4)


def test_the_page_shows_methods_between_the_references_and_the_noise() -> None:
    mixed: Dataset = Images(EARLY, DELAYED)  # type: ignore[assignment]
    room = room_of(mixed, [measured(EARLY, DELAYED)])

    class Measured:
        held_out_room = room

    Measured.room = room  # type: ignore[attr-defined]
    validation: Validation = Measured()  # type: ignore[assignment]
    score = MethodScore("net", (33.25, 44.5, 55.75), "run 7; seed 0")
    lines = room_section(validation, [score], "room.png")
    firsts = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert firsts[2:7] == ["identity", "scale", "organ-scale", "**net**", "second realisation"]
    assert "| **net** | 33.2 | 44.5 | 55.8 | run 7; seed 0 |" in lines
    assert any("No method has a finished run" in line for line in room_section(validation, [], "room.png"))
