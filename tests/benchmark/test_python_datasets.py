"""Pairs from Python: the numbers of the files, the parts of the split, and nothing of what is withheld."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.conftest import DOSE_MEGABECQUEREL, WEIGHT_KILOGRAMS

import petbench
from petbench.errors import DataError, UnknownNameError, UsageError
from petbench_datasets.exporters.without_targets import export_without_targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.api.pairs import OpenedDataset

nibabel: Any = untyped_nibabel


@pytest.fixture
def session(tmp_path: Path) -> Iterator[petbench.Session]:
    with petbench.Session(home=tmp_path / "home", offline=True) as opened:
        yield opened


@pytest.fixture
def dataset(session: petbench.Session, body_dataset: Path) -> OpenedDataset:
    return petbench.open_dataset(body_dataset, session=session)


def suv_of(root: Path, participant: str, window: str) -> np.ndarray[Any, Any]:
    """Read an image as nibabel does, (x, y, z) in Bq/mL, and return it in SUV, (z, y, x)."""
    image = nibabel.load(root / participant / "pet" / f"{participant}_trc-18FFDG_rec-{window}_pet.nii.gz")
    return np.asarray(image.dataobj).T / (DOSE_MEGABECQUEREL * 1e6 / (WEIGHT_KILOGRAMS * 1000))


def test_pairs_are_the_images_of_the_files_in_suv(dataset: OpenedDataset, body_dataset: Path) -> None:
    pairs = list(dataset.pairs())
    assert [pair.participant for pair in pairs] == ["sub-01", "sub-02", "sub-03", "sub-04"]
    for pair in pairs:
        assert pair.delayed is not None
        for window, found in (("early", pair.early), ("delayed", pair.delayed)):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, suv_of(body_dataset, pair.participant, window), rtol=1e-5, atol=1e-6)
        assert pair.spacing_millimetres == pytest.approx((20.0, 12.0, 12.0))


def test_each_pair_has_its_part_and_a_part_its_pairs(dataset: OpenedDataset) -> None:
    assert {pair.participant: pair.part for pair in dataset.pairs()} == {
        "sub-01": "train", "sub-02": "train", "sub-03": "validation", "sub-04": "test",
    }  # fmt: skip
    for part, names in dataset.parts.items():
        assert tuple(pair.participant for pair in dataset.pairs(part)) == names
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        dataset.pairs("tests")
    with pytest.raises(DataError, match="no participant 'sub-09'"):
        dataset.pair("sub-09")


def test_a_dataset_that_is_not_there_is_said_in_one_line(session: petbench.Session, body_dataset: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fdg-phantom'"):
        petbench.open_dataset("fdg-fantom", session=session)
    with pytest.raises(UsageError, match="folds 0 to 0, not 3"):
        petbench.open_dataset(body_dataset, fold=3, session=session)
    with pytest.raises(DataError, match="no such split"):
        petbench.open_dataset(body_dataset, split="five", session=session)


@pytest.mark.parametrize("slices", [False, True])
def test_the_dataset_of_torch_has_the_pairs_of_its_part(dataset: OpenedDataset, slices: bool) -> None:
    items = dataset.to_torch("train", slices=slices)
    found = [items[index] for index in range(len(items))]
    pairs = list(dataset.pairs("train"))
    assert len(found) == (sum(pair.early.shape[0] for pair in pairs) if slices else 2)
    for pair in pairs:
        assert pair.delayed is not None
        own = [item for item in found if item["participant"] == pair.participant]
        for window, volume in (("early", pair.early), ("delayed", pair.delayed)):
            images = np.concatenate([np.asarray(item[window]) for item in own])  # type: ignore[literal-required]
            np.testing.assert_array_equal(images.reshape(volume.shape), volume)
            assert all(item[window].shape[0] == 1 for item in own)  # type: ignore[literal-required]
        assert [item["slice"] for item in own] == (list(range(20)) if slices else [-1])


def test_a_loader_makes_batches_of_slices(dataset: OpenedDataset) -> None:
    from torch.utils.data import DataLoader

    (batch, *_) = DataLoader(dataset.to_torch("train", slices=True), batch_size=8)
    assert tuple(batch["early"].shape) == (8, 1, 32, 32)
    assert batch["participant"] == ["sub-01"] * 8


def test_what_is_withheld_is_none_and_makes_no_dataset_of_torch(
    session: petbench.Session, body_dataset: Path, tmp_path: Path
) -> None:
    shutil.copytree(body_dataset, tmp_path / "bodies")
    whole = petbench.open_dataset(tmp_path / "bodies", session=session)
    export_without_targets(whole.place.dataset, "holdout", tmp_path / "handed-out")
    handed_out = petbench.open_dataset(tmp_path / "handed-out", session=session)
    assert [pair.delayed is None for pair in handed_out.pairs()] == [False, False, False, True]
    np.testing.assert_array_equal(handed_out.pair("sub-04").early, whole.pair("sub-04").early)
    assert len(handed_out.to_torch("train")) == 2
    with pytest.raises(DataError, match="sub-04 is withheld"):
        handed_out.to_torch("test")


def test_a_notebook_shows_names_as_text(session: petbench.Session, body_dataset: Path, tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    shutil.copytree(body_dataset, tmp_path / evil)
    shown = petbench.open_dataset(tmp_path / evil, session=session)._repr_html_()
    assert "<img" not in shown
    assert "&lt;img src=x" in shown
    assert "20 × 32 × 32 of 20 × 12 × 12 mm" in shown
    for part, count in (("train", 2), ("validation", 1), ("test", 1)):
        assert f"<td>{part}</td><td>{count}</td>" in shown
