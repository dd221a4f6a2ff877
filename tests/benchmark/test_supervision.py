"""What a method trains on follows from the supervision that it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.training.volumes import gather_volumes
from petbench_datasets.errors import PetbenchError

if TYPE_CHECKING:
    from petbench import TrainingData, Volume
    from petbench.contract import Supervision


class FakeDataset:
    """Answers for every participant with a volume that names it."""

    def pair(self, participant: str) -> object:
        value = float(participant)

        class Pair:
            early = np.full((2, 2, 2), value, dtype=np.float32)
            delayed = np.full((2, 2, 2), 10 * value, dtype=np.float32)

        return Pair()

    def early(self, participant: str) -> tuple[Volume, None]:
        return np.full((2, 2, 2), float(participant), dtype=np.float32), None

    def delayed(self, participant: str) -> tuple[Volume, None]:
        return np.full((2, 2, 2), 10 * float(participant), dtype=np.float32), None


class FakeFold:
    train = tuple(str(number) for number in range(1, 9))
    validation = ("20",)
    test = ("30",)


def training_data(supervision: Supervision, seed: int = 0) -> TrainingData:
    return gather_volumes(FakeDataset(), FakeFold(), supervision, seed=seed)  # type: ignore[arg-type]


def test_paired_data_holds_the_training_participants_and_no_test_participant() -> None:
    data = training_data("paired")
    pairs = [(float(scan.early.max()), float(delayed.max())) for scan, delayed in data.pairs()]
    assert pairs == [(number, 10.0 * number) for number in range(1, 9)]


def test_unpaired_data_has_no_pairs_and_an_order_of_its_own() -> None:
    data = training_data("unpaired")
    early = [float(scan.early.max()) for scan in data.scans()]
    delayed = [float(volume.max()) / 10 for volume in data.delayed()]
    assert sorted(delayed) == early
    assert delayed != early
    assert delayed == [float(volume.max()) / 10 for volume in training_data("unpaired").delayed()]
    with pytest.raises(PetbenchError, match="gets no pairs"):
        data.pairs()


def test_a_method_without_a_target_sees_no_delayed_volume() -> None:
    data = training_data("no-target")
    with pytest.raises(PetbenchError, match="no delayed volume"):
        data.delayed()
