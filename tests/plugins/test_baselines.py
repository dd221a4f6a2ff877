"""The reference rows."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from petbench import PetbenchError, RunContext, Scan, TrainingData, Volume
from petbench_baselines.identity import Identity
from petbench_baselines.scale import Scale

GENERATOR = np.random.default_rng(0)
PAIRS = [
    tuple(GENERATOR.random((3, 4, 5), dtype=np.float32) * level for level in (1.0, 2.0)) for _ in range(3)
]  # fmt: skip


class Pairs:
    def __init__(self, pairs: list[tuple[Volume, Volume]]) -> None:
        self._pairs = pairs

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(early), delayed) for early, delayed in self._pairs]


def fit(pairs: list[tuple[Volume, Volume]]) -> Scale:
    method = Scale()
    method.fit(cast("TrainingData", Pairs(pairs)), cast("RunContext", None))
    return method


def test_identity_returns_a_copy_of_the_early_image() -> None:
    early = PAIRS[0][0]
    predicted = Identity().predict(Scan(early))
    assert np.array_equal(predicted, early)
    assert not np.shares_memory(predicted, early)


def test_scale_finds_the_least_squares_factor_over_all_voxels() -> None:
    pairs = cast("list[tuple[Volume, Volume]]", PAIRS)
    early, delayed = (np.concatenate([pair[part].ravel() for pair in pairs])[:, None] for part in (0, 1))
    expected = np.linalg.lstsq(early.astype(np.float64), delayed.astype(np.float64), rcond=None)[0].item()
    assert fit(pairs).factor == pytest.approx(expected, rel=1e-10)


def test_scale_survives_its_state_and_stays_float32() -> None:
    method, other = fit(cast("list[tuple[Volume, Volume]]", PAIRS)), Scale()
    other.load_state_dict(method.state_dict())
    predicted = other.predict(Scan(PAIRS[0][0]))
    assert predicted.dtype == np.float32
    assert np.array_equal(predicted, method.predict(Scan(PAIRS[0][0])))


def test_scale_refuses_a_dataset_of_empty_images() -> None:
    empty = np.zeros((2, 2, 2), dtype=np.float32)
    with pytest.raises(PetbenchError, match="every early training image is 0"):
        fit([(empty, empty)])
