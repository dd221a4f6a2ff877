"""Stacks of slices, and the batches made from them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench import Scan
from petbench.intensity import AIR, IntensityMap
from petbench.training.data import DatasetTensors, load_tensors
from petbench.training.sampler import Sampler
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Supervision, Volume

CPU = torch.device("cpu")


class FakeData:
    """Volumes whose every voxel says which participant and slice it is from: SUV = 1 + participant + slice / 100."""

    def __init__(self, supervision: Supervision = "paired", slices: tuple[int, ...] = (5, 7)) -> None:
        self.supervision = supervision
        self.volumes: list[Volume] = []
        for participant, count in enumerate(slices):
            volume = np.zeros((count, 6, 8), dtype=np.float32)
            volume[:-1] = (1 + participant + np.arange(count - 1) / 100)[:, None, None]  # the last slice is air
            self.volumes.append(volume)

    def scans(self) -> list[Scan]:
        return [Scan(volume) for volume in self.volumes]

    def delayed(self) -> list[Volume]:
        return [2 * volume for volume in reversed(self.volumes)]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(volume), 2 * volume) for volume in self.volumes]


def load(data: FakeData, **settings: object) -> DatasetTensors:
    return load_tensors(data, IntensityMap(), CPU, **settings)  # type: ignore[arg-type]


def sampler(tensors: DatasetTensors, batch_size: int = 4, shift: int = 0, **settings: Any) -> Sampler:
    return Sampler(tensors, CPU, batch_size=batch_size, shift_voxels=shift, seed=3, **settings)


def suv(mapped: torch.Tensor) -> torch.Tensor:
    return IntensityMap().to_suv(mapped)


def test_the_map_is_the_stated_formula_and_goes_back() -> None:
    values = torch.tensor([0.0, 0.3, 2.5, 20.0, 50.0])
    expected = [2 * math.log1p(float(value)) / math.log1p(50.0) - 1 for value in values]
    mapped = IntensityMap(50.0).to_unit(values)
    assert mapped.tolist() == pytest.approx(expected, abs=1e-6)
    assert torch.allclose(IntensityMap(50.0).to_suv(mapped), values, rtol=1e-5, atol=1e-6)
    assert float(mapped[0]) == AIR


def test_the_map_clips_and_counts_what_lies_outside_its_range() -> None:
    values = torch.tensor([-1.0, 0.0, 10.0, 60.0])
    assert IntensityMap(50.0).to_unit(values).tolist() == pytest.approx(
        IntensityMap(50.0).to_unit(torch.tensor([0.0, 0.0, 10.0, 50.0])).tolist()
    )
    assert IntensityMap(50.0).clipped_share(values) == 0.5


def test_every_slice_is_stacked_and_air_is_not_sampled() -> None:
    tensors = load(FakeData())
    assert tensors.early.images.shape == (12, 6, 8)
    assert tensors.early.foreground.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert float(suv(tensors.early.images[6, 0, 0])) == pytest.approx(2.01, rel=1e-5)


def test_images_are_padded_with_air_to_the_multiple_a_network_needs() -> None:
    tensors = load(FakeData(), size_multiple=16)
    assert tensors.early.images.shape == (12, 16, 16)
    assert bool((tensors.early.images[:, :5] == AIR).all())
    assert bool((tensors.early.images[0, 5:11, 4:12] > AIR).all())


def test_volumes_of_different_matrices_share_the_largest() -> None:
    data = FakeData()
    data.volumes[1] = np.pad(data.volumes[1], ((0, 0), (2, 2), (0, 0)), constant_values=1.0)
    assert load(data).early.images.shape == (12, 10, 8)


def test_a_mapped_dataset_gives_the_batches_of_one_in_memory(tmp_path: Path) -> None:
    memory, mapped = load(FakeData()), load(FakeData(), storage="mapped", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["delayed.f32", "early.f32"]
    for position in (0, 4, 40):
        first, second = sampler(memory, shift=2).batch(position), sampler(mapped, shift=2).batch(position)
        assert torch.equal(first.early, second.early)
        assert torch.equal(first.delayed, second.delayed)


def test_a_dataset_of_air_is_refused() -> None:
    data = FakeData()
    data.volumes = [np.zeros((3, 4, 4), dtype=np.float32)]
    with pytest.raises(DataError, match="no training slice"):
        load(data)


def test_a_split_without_training_participants_is_refused() -> None:
    with pytest.raises(DataError, match="training part"):
        load(FakeData(slices=()))


def test_an_epoch_holds_each_slice_once_and_batches_run_over_its_end() -> None:
    sampled = sampler(load(FakeData()), batch_size=4)
    values = torch.cat([sampled.batch(4 * step).early[:, 0, 0, 0] for step in range(5)])
    first, second = (Counter(round(float(value), 4) for value in suv(part)) for part in (values[:10], values[10:]))
    assert set(first.values()) == set(second.values()) == {1}
    assert len(first) == 10
    assert first == second
    assert not torch.equal(values[:10], values[10:])


def test_a_batch_depends_on_its_position_alone() -> None:
    tensors = load(FakeData())
    straight, jumping = sampler(tensors, shift=3), sampler(tensors, shift=3)
    batches = {position: straight.batch(position) for position in range(0, 40, 4)}
    for position in (36, 0, 20):
        assert torch.equal(jumping.batch(position).early, batches[position].early)


def test_paired_images_are_of_the_same_slice_and_shifted_alike() -> None:
    sampled = sampler(load(FakeData()), batch_size=10, shift=3).batch(0)
    assert torch.allclose(suv(sampled.delayed), 2 * suv(sampled.early), rtol=1e-4, atol=1e-5)


def test_a_shift_moves_whole_voxels_and_fills_with_air() -> None:
    data = FakeData(slices=(2,))
    data.volumes[0][0] = 0.0
    data.volumes[0][0, 3, 4] = 5.0
    places: set[tuple[int, ...]] = set()
    sampled = sampler(load(data), batch_size=1, shift=2)
    for position in range(300):
        image = sampled.batch(position).early[0, 0]
        hot = (image > AIR).nonzero().tolist()
        assert len(hot) == 1
        places.add(tuple(hot[0]))
    assert places == {(row, column) for row in range(1, 6) for column in range(2, 7)}


@pytest.mark.parametrize("slices", [1, 3])
def test_every_slice_of_every_shifted_image_is_one_crop_of_the_padded_one(slices: int) -> None:
    data = FakeData(slices=(9, 7))
    random = np.random.default_rng(0)
    data.volumes = [random.uniform(1.0, 9.0, volume.shape).astype(np.float32) for volume in data.volumes]
    tensors = load(data, margin=slices // 2)
    plain, shifted = (
        sampler(tensors, batch_size=5, shift=shift, early_slices=slices, delayed_slices=1) for shift in (0, 3)
    )
    for position in range(0, 30, 5):
        before, after = plain.batch(position).early.numpy(), shifted.batch(position).early.numpy()
        padded = np.pad(before, ((0, 0), (0, 0), (3, 3), (3, 3)), constant_values=AIR)
        height, width = before.shape[-2:]
        for image, moved in zip(padded, after, strict=True):
            crops = [image[:, y : y + height, x : x + width] for y in range(7) for x in range(7)]
            assert sum(np.array_equal(crop, moved) for crop in crops) == 1


def test_a_common_factor_scales_both_images_and_leaves_air_alone() -> None:
    tensors = load(FakeData(), size_multiple=16)
    plain, scaled = sampler(tensors, batch_size=10), sampler(tensors, batch_size=10, intensity_jitter=0.7)
    before, after = plain.batch(0), scaled.batch(0)
    factor = suv(after.early)[:, 0, 8, 8] / suv(before.early)[:, 0, 8, 8]
    assert len(set(factor.tolist())) == 10
    assert bool(((factor > math.exp(-0.7)) & (factor < math.exp(0.7))).all())
    assert torch.allclose(suv(after.delayed), suv(before.delayed) * factor[:, None, None, None], rtol=1e-3, atol=1e-5)
    assert bool((after.early[:, :, :5] == AIR).all())
    assert torch.equal(after.early, sampler(tensors, batch_size=10, intensity_jitter=0.7).batch(0).early)


def test_an_unpaired_method_cannot_pair() -> None:
    tensors = load(FakeData("unpaired", slices=(30, 30)))
    sampled = sampler(tensors, batch_size=58)
    together = 0
    for epoch in range(20):
        batch = sampled.batch(58 * epoch)
        together += int(torch.isclose(suv(batch.delayed), 2 * suv(batch.early), rtol=1e-4).all(-1).all(-1).sum())
    # Two independent orders of 58 slices agree in one place an epoch, on average.
    assert 4 <= together <= 45


def test_neighbours_come_from_the_same_participant_or_are_air() -> None:
    tensors = load(FakeData(), margin=1)
    sampled = sampler(tensors, batch_size=10, early_slices=3).batch(0)
    assert sampled.early.shape == (10, 3, 6, 8)
    values = suv(sampled.early[:, :, 0, 0])
    for before, middle, after in values.tolist():
        slice_number = round(100 * (middle - math.floor(middle + 1e-4)))
        assert before == pytest.approx(middle - 0.01 if slice_number else 0.0, abs=1e-4)
        assert after == pytest.approx(0.0, abs=1e-4) or after == pytest.approx(middle + 0.01, abs=1e-4)
