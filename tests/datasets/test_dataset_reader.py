from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from tests.datasets.conftest import DatasetWriter


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_dataset_opens_as_pairs_in_suv(writer: DatasetWriter) -> None:
    dataset = open_dataset(writer.dataset(3))
    assert dataset.name == "tiny"
    assert dataset.participants == ("sub-01", "sub-02", "sub-03")
    pair = dataset.pair("sub-02")
    assert np.allclose(pair.early, writer.voxels(2) * 71000.0 / 250e6, rtol=1e-6)
    assert np.allclose(pair.delayed, writer.voxels(3) * 71000.0 / 250e6, rtol=1e-6)
    assert pair.early.dtype == np.float32
    assert pair.grid.matches(writer.grid)
    assert np.array_equal(dataset.early("sub-02")[0], pair.early)
    assert np.array_equal(dataset.delayed("sub-02")[0], pair.delayed)


def test_a_dataset_opens_by_a_relative_path_too(writer: DatasetWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    root = writer.dataset(2)
    monkeypatch.chdir(root.parent)
    assert open_dataset(Path(root.name)).fingerprint == open_dataset(root).fingerprint


def test_an_unknown_participant_is_named_with_those_there_are(writer: DatasetWriter) -> None:
    with pytest.raises(DataError, match=r"sub-09.*sub-01, sub-02"):
        open_dataset(writer.dataset(2)).pair("sub-09")


def test_one_dynamic_image_serves_as_both(writer: DatasetWriter) -> None:
    writer.dataset(1)
    shutil.rmtree(writer.root / "sub-01")
    movie = np.stack([writer.voxels(0), writer.voxels(1)])
    writer.image("sub-01", "dynamic", movie, FrameTimesStart=[420, 2520], FrameDuration=[840, 1260])
    pair = open_dataset(writer.root).pair("sub-01")
    assert np.allclose(pair.delayed, writer.voxels(1) * 70000.0 / 250e6, rtol=1e-6)


def test_images_are_distinguished_by_their_times_and_not_by_their_names(writer: DatasetWriter) -> None:
    root = writer.dataset(1)
    early, delayed = (writer.image_path("sub-01", window) for window in ("early", "delayed"))
    dataset = open_dataset(root)
    fingerprint, expected = dataset.fingerprint, dataset.pair("sub-01")
    for suffix in (".nii.gz", ".json"):
        one = early.with_name(early.name.replace(".nii.gz", suffix))
        other = delayed.with_name(delayed.name.replace(".nii.gz", suffix))
        swap = one.with_name("swap")
        one.rename(swap)
        other.rename(one)
        swap.rename(other)
    swapped = open_dataset(root)
    assert swapped.fingerprint == fingerprint
    assert np.array_equal(swapped.pair("sub-01").early, expected.early)


def test_a_missing_delayed_image_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(3)
    writer.image_path("sub-02", "delayed").unlink()
    assert "sub-02" in (message := refusal(root))
    assert "no delayed image" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_voxel_that_is_no_number_is_refused_with_the_file_name(writer: DatasetWriter, bad: float) -> None:
    root = writer.dataset(2)
    voxels = writer.voxels(3)
    voxels[2, 3, 4] = bad
    path = writer.image("sub-02", "delayed", voxels)
    assert str(path) in (message := refusal(root))
    assert "1 voxels" in message


def test_a_nan_that_comes_later_is_seen_in_spite_of_the_cache(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    open_dataset(root)
    voxels = writer.voxels(3)
    voxels[2, 3, 4] = np.nan
    writer.image("sub-02", "delayed", voxels)
    assert "NaN" in refusal(root)


def test_two_grids_in_one_pair_are_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    other = Grid.regular((6, 8, 8), (20.0, 10.0, 10.7))
    path = writer.image("sub-02", "delayed", writer.voxels(3, other), other)
    assert str(path) in (message := refusal(root))
    assert "voxels of 10.7x10x20 mm instead of 10x10x20 mm" in message


def test_a_missing_weight_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    writer.participants({"sub-01": 70, "sub-02": "n/a"})
    assert "participants.tsv" in (message := refusal(root))
    assert "body_weight for sub-02" in message


@pytest.mark.parametrize("value", [0.0, 12.5])
def test_an_image_of_one_value_is_refused(writer: DatasetWriter, value: float) -> None:
    root = writer.dataset(1)
    path = writer.image("sub-01", "early", np.full(writer.grid.shape, value, np.float32))
    assert str(path) in (message := refusal(root))
    assert "every voxel" in message


def test_a_delayed_image_that_copies_the_early_one_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(1)
    path = writer.image("sub-01", "delayed", writer.voxels(0))
    assert str(path) in (message := refusal(root))
    assert "copy of the early" in message


def test_a_truncated_image_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    path = writer.image_path("sub-01", "delayed")
    path.write_bytes(path.read_bytes()[:-300])
    assert str(path) in refusal(root)


def test_an_html_page_in_place_of_an_image_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    path = writer.image_path("sub-02", "early")
    path.write_text("<!DOCTYPE html><html></html>")
    assert str(path) in (message := refusal(root))
    assert "HTML" in message


def test_a_frame_without_a_time_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(1)
    movie = np.stack([writer.voxels(seed) for seed in range(3)])
    path = writer.image("sub-01", "early", movie, FrameTimesStart=[420, 840], FrameDuration=[420, 420])
    assert str(path) in (message := refusal(root))
    assert "3 frames in the image but 2 FrameTimesStart" in message


def test_two_injections_in_one_pair_are_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(1)
    writer.image("sub-01", "delayed", writer.voxels(1), InjectedRadioactivity=300)
    assert "one injection" in refusal(root)


def test_a_participant_on_disk_or_in_the_table_alone_is_refused(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    writer.participants({"sub-01": 70})
    assert "does not list sub-02" in refusal(root)
    writer.participants({"sub-01": 70, "sub-02": 71, "sub-03": 72})
    assert "lists sub-03" in refusal(root)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    assert "participants.tsv" in refusal(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tbody_weight\n")
    assert "has no participants" in refusal(tmp_path)
