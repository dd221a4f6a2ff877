"""What a method named, as tensors: of the slices of its batch, shifted with them, and nothing that it did not name."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.benchmark.step_methods import SMALL

from petbench import Scan, Scans, StepMethod
from petbench.intensity import IntensityMap
from petbench.methods.scan_files import read_scan_files, write_scan
from petbench.scan import ANSWERS, NEEDS, assemble
from petbench.step_method import Batch
from petbench.testing.images import SHAPE, SmallData, scans
from petbench.training.data import load_tensors
from petbench.training.prediction import translate_volume
from petbench.training.sampler import Sampler
from petbench.training.volumes import StoredData
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
MAP = IntensityMap(50.0)


def everything(number: int = 0) -> Scan:
    return scans(1, NEEDS, first=number)[0][0]


def same(one: Scan, other: Scan) -> None:
    assert one.facts == other.facts
    assert one.label_names == other.label_names
    assert one.images.keys() == other.images.keys()
    for name, image in {"early": one.early, **one.images}.items():
        assert np.array_equal(image, getattr(other, name))
        assert image.dtype == getattr(other, name).dtype


def sampler(
    slices: int = 3, *, shift: int = 0, jitter: float = 0.0, batch: int = 4, data: Any = None, **settings: Any
) -> tuple[Sampler, Any]:
    given = data or SmallData("paired", 3, NEEDS)
    tensors = load_tensors(given, MAP, CPU, margin=slices // 2, **settings)
    made = Sampler(
        tensors, CPU, batch_size=batch, shift_voxels=shift, seed=3, early_slices=slices, intensity=MAP,
        intensity_jitter=jitter,
    )  # fmt: skip
    return made, tensors


def test_every_need_is_answered_by_fields_of_a_scan_and_every_field_answers_one() -> None:
    fields = [field.name for field in dataclasses.fields(Scan)]
    assert ["early", *(name for answer in ANSWERS.values() for name in answer)] == fields
    assert tuple(ANSWERS) == NEEDS == everything().inputs


@pytest.mark.parametrize("needs", [(), *((need,) for need in NEEDS), NEEDS])
def test_a_scan_comes_back_whole_from_json_files_and_the_file_that_is_handed_to_a_process(
    needs: Any, tmp_path: Path
) -> None:
    scan = scans(1, needs)[0][0]
    assert scan.inputs == needs
    facts = json.loads(json.dumps(scan.facts))
    same(assemble(scan.early, facts, scan.images), scan)
    same(read_scan_files(tmp_path, write_scan(tmp_path, "a", scan)), scan)
    stored = StoredData.new(tmp_path)
    stored.scans.append(scan)
    same(stored.scans.reads()[0](), scan)


def test_a_batch_without_needs_holds_no_input() -> None:
    made, tensors = sampler(data=SmallData("paired", 2))
    assert tensors.inputs is None
    assert made.batch(0).inputs == {}
    assert "inputs" not in tensors.describe()


@pytest.mark.parametrize("storage", ["memory", "mapped"])
def test_each_input_has_the_shape_and_type_that_is_promised(storage: str, tmp_path: Path) -> None:
    made, tensors = sampler(storage=storage, folder=tmp_path / "tensors")
    inputs = made.batch(0).inputs
    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    image = (4, 3, *SHAPE[1:])
    assert shapes == {
        "spacing": (4, 3), "weight": (4,), "dose": (4,), "sex": (4,), "height": (4,), "age": (4,), "times": (4, 4),
        "frames": (4, 2, 3, *SHAPE[1:]), "ct": image, "labels": image,
    }  # fmt: skip
    assert set(inputs) == set(NEEDS) == set(tensors.describe()["inputs"])
    assert {value.dtype for name, value in inputs.items() if name != "labels"} == {torch.float32}
    assert inputs["labels"].dtype == torch.int64


@pytest.mark.parametrize("shift", [0, 5])
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_inputs_belong_to_the_slices_of_the_batch_shifted_with_them_and_only_suv_takes_the_factor(
    shift: int, jitter: float
) -> None:
    """The made CT, labels and frames are functions of the early voxel, so that one tells the other."""
    made, _ = sampler(slices=3, shift=shift, jitter=jitter)
    whose = {round(scan.weight_kg or 0, 4): scan for scan, _ in scans(3, NEEDS)}
    seen = set()
    for step in range(6):
        batch = made.batch(4 * step)
        early = MAP.to_suv(batch.early)
        for number in range(4):
            scan = whose[round(float(batch.inputs["weight"][number]), 4)]
            seen.add(scan.weight_kg)
            assert batch.inputs["age"][number] == scan.age_years
            assert batch.inputs["sex"][number] == {"female": 0.0, "male": 1.0}[scan.sex or ""]
            frames = MAP.to_suv(batch.inputs["frames"][number])
            torch.testing.assert_close(frames.mean(dim=0), early[number], rtol=1e-3, atol=1e-4)
            factor = float(early[number].max()) / float(scan.early.max()) if jitter == 0 else None
            ct, labels = batch.inputs["ct"][number], batch.inputs["labels"][number]
            assert set(np.unique(ct.numpy()).tolist()) <= {-1000.0, 40.0}
            assert bool((ct[early[number] == 0] == -1000.0).all())
            assert bool((labels[early[number] == 0] == 0).all())
            assert bool((ct[labels > 0] == 40.0).all())
            assert factor is None or factor <= 1.0 + 1e-4
            found = _place(scan, ct.numpy(), labels.numpy(), shift)
            assert found, "the CT and the labels are those of one place of this participant"
    assert len(seen) == 3


def _place(scan: Scan, ct: Any, labels: Any, shift: int) -> bool:
    """Return whether three slices are those of some place of a participant, moved by at most `shift`: brute force."""
    assert scan.ct is not None
    assert scan.labels is not None
    wide = ((1, 1), (shift, shift), (shift, shift))
    padded = np.pad(scan.ct, wide, constant_values=-1000.0), np.pad(scan.labels, wide)
    high, broad = SHAPE[1:]
    return any(
        np.array_equal(padded[0][z : z + 3, y : y + high, x : x + broad], ct)
        and np.array_equal(padded[1][z : z + 3, y : y + high, x : x + broad], labels)
        for z in range(SHAPE[0])
        for y in range(2 * shift + 1)
        for x in range(2 * shift + 1)
    )


def test_the_images_of_a_batch_are_the_same_bits_whatever_a_method_names() -> None:
    plain, _ = sampler(shift=4, jitter=0.2, data=SmallData("paired", 3))
    named, _ = sampler(shift=4, jitter=0.2)
    for position in (0, 4, 28, 60):
        one, other = plain.batch(position), named.batch(position)
        assert torch.equal(one.early, other.early)
        assert torch.equal(one.delayed, other.delayed)


def test_an_unpaired_batch_has_the_inputs_of_its_early_images_alone() -> None:
    made, _ = sampler(data=SmallData("unpaired", 3, NEEDS), slices=1)
    batch = made.batch(0)
    frames = MAP.to_suv(batch.inputs["frames"]).mean(dim=1)
    torch.testing.assert_close(frames, MAP.to_suv(batch.early), rtol=1e-3, atol=1e-4)


class Looks(StepMethod):
    """Predicts from CT and labels what it can check, in slices padded to a multiple of 7."""

    early_slices = 3
    size_multiple = 7

    def translate(self, scans: Scans) -> torch.Tensor:
        suv = torch.where(scans.inputs["ct"][:, 1:2] > 0, 1.0, 0.0) + scans.inputs["labels"][:, 1:2]
        first, last = scans.inputs["frames"][:, 0, 1:2], scans.inputs["frames"][:, 1, 1:2]
        assert bool((first <= last + 1e-6).all())
        whole = suv + 0.01 * scans.inputs["weight"][:, None, None, None]
        return self.intensity.to_unit(whole)


def test_prediction_gives_each_slice_its_own_inputs() -> None:
    scan = everything(5)
    assert scan.ct is not None
    assert scan.labels is not None
    assert scan.weight_kg is not None
    predicted = translate_volume(Looks(SMALL), scan)
    filled = scan.early.max(axis=(1, 2)) >= 0.1
    expected = (scan.ct > 0) + scan.labels + 0.01 * scan.weight_kg
    np.testing.assert_allclose(predicted[filled], expected[filled], rtol=1e-3, atol=1e-3)
    assert not predicted[~filled].any()


def test_participants_of_other_inputs_or_of_another_number_of_frames_are_refused() -> None:
    class Mixed(SmallData):
        def pairs(self) -> Any:
            (scan, delayed), (other, late) = super().pairs()
            return [(scan, delayed), (dataclasses.replace(other, **self.change), late)]

        change: dict[str, Any]

    early = scans(2, ())[1][0].early
    for change, message in (
        ({"ct": None}, "have not all got the same inputs"),
        ({"frames": np.stack([early] * 3)}, "frames of different number"),
    ):
        mixed = Mixed("paired", 2, NEEDS)
        mixed.change = change
        with pytest.raises(DataError, match=message):
            load_tensors(mixed, MAP, CPU)


def test_a_batch_is_scans_too_and_takes_its_images_by_place() -> None:
    image = torch.zeros(1, 1, 2, 2)
    assert isinstance(Batch(image, image), Scans)
    assert Batch(image, image).inputs == {}
    assert Batch(image, image, inputs={"weight": torch.ones(1)}).inputs["weight"].item() == 1.0
