from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from petbench_datasets.dataset.fingerprint import CACHE_NAME
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti import StoredImage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.images.grid import Volume


def copy_of(root: Path, tmp_path: Path, name: str = "elsewhere") -> Path:
    shutil.copytree(root, tmp_path / name, ignore=shutil.ignore_patterns(CACHE_NAME))
    return tmp_path / name


def test_the_fingerprint_is_of_content_and_not_of_places_or_bytes(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(2)
    other = copy_of(root, tmp_path)
    path = other / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.nii.gz"
    stored = StoredImage(path)
    plain = path.with_name(path.name.removesuffix(".gz"))
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert stored.frame_count == 1
    path.unlink()
    assert open_dataset(other).fingerprint == open_dataset(root).fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"InjectedRadioactivity": 251},
        {"FrameDuration": [1250]},
        {"ImageDecayCorrectionTime": 60},
        {"InjectionStart": 5},
    ],
    ids=str,
)
def test_the_fingerprint_changes_with_whatever_changes_suv(writer: DatasetWriter, changes: dict[str, Any]) -> None:
    root = writer.dataset(2)
    before = open_dataset(root).fingerprint
    writer.image("sub-02", "delayed", writer.voxels(3), **changes)
    assert open_dataset(root).fingerprint != before


def test_the_fingerprint_changes_with_a_voxel_a_weight_and_a_place(writer: DatasetWriter) -> None:
    root = writer.dataset(2)
    seen = {open_dataset(root).fingerprint}
    voxels: Volume = writer.voxels(3)
    voxels[1, 1, 1] += 0.5
    writer.image("sub-02", "delayed", voxels)
    seen.add(open_dataset(root).fingerprint)
    writer.participants({"sub-01": 70, "sub-02": 71.5})
    seen.add(open_dataset(root).fingerprint)
    shifted = writer.grid.affine.copy()
    shifted[2, 3] += 1.0
    for window, seed in (("early", 0), ("delayed", 1)):
        writer.image("sub-01", window, writer.voxels(seed), Grid(writer.grid.shape, shifted))
    seen.add(open_dataset(root).fingerprint)
    assert len(seen) == 4


def test_an_unchanged_dataset_opens_without_reading_a_voxel(
    writer: DatasetWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = writer.dataset(2)
    first = open_dataset(root).fingerprint

    def refuse(stored: StoredImage, index: int) -> Volume:
        raise AssertionError(f"read frame {index} of {stored.path}")

    monkeypatch.setattr(StoredImage, "frame", refuse)
    assert open_dataset(root).fingerprint == first


def test_a_dataset_that_cannot_be_written_to_opens_all_the_same(
    writer: DatasetWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = writer.dataset(2)

    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "read-only", str(path))

    monkeypatch.setattr("petbench_datasets.dataset.fingerprint.write_text", refuse)
    assert len(open_dataset(root).participants) == 2
    assert not (root / CACHE_NAME).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1, "participants": {"sub-01": {"key": 3}}}'])
def test_a_damaged_cache_is_ignored(writer: DatasetWriter, content: str) -> None:
    root = writer.dataset(2)
    first = open_dataset(root).fingerprint
    (root / CACHE_NAME).write_text(content)
    assert open_dataset(root).fingerprint == first


def test_progress_is_reported_participant_by_participant(writer: DatasetWriter) -> None:
    seen: list[tuple[float, float]] = []
    open_dataset(writer.dataset(3), lambda _, done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
