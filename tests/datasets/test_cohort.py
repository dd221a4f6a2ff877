from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench_datasets.cohort import open_cohort
from petbench_datasets.errors import DataError
from petbench_datasets.fingerprint import CACHE_NAME
from petbench_datasets.grid import Grid
from petbench_datasets.nifti import StoredImage, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import CohortWriter

    from petbench_datasets.grid import Volume


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_cohort(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_cohort_opens_as_pairs_in_suv(writer: CohortWriter) -> None:
    cohort = open_cohort(writer.cohort(3))
    assert cohort.name == "tiny"
    assert cohort.participants == ("sub-01", "sub-02", "sub-03")
    pair = cohort.pair("sub-02")
    assert np.allclose(pair.early, writer.voxels(2) * 71000.0 / 250e6, rtol=1e-6)
    assert np.allclose(pair.delayed, writer.voxels(3) * 71000.0 / 250e6, rtol=1e-6)
    assert pair.early.dtype == np.float32
    assert pair.grid.matches(writer.grid)
    assert np.array_equal(cohort.early("sub-02")[0], pair.early)
    assert np.array_equal(cohort.delayed("sub-02")[0], pair.delayed)


def test_an_unknown_participant_is_named_with_those_there_are(writer: CohortWriter) -> None:
    with pytest.raises(DataError, match=r"sub-09.*sub-01, sub-02"):
        open_cohort(writer.cohort(2)).pair("sub-09")


def test_one_dynamic_image_serves_as_both(writer: CohortWriter) -> None:
    writer.cohort(1)
    shutil.rmtree(writer.root / "sub-01")
    movie = np.stack([writer.voxels(0), writer.voxels(1)])
    writer.image("sub-01", "dynamic", movie, FrameTimesStart=[420, 2520], FrameDuration=[840, 1260])
    pair = open_cohort(writer.root).pair("sub-01")
    assert np.allclose(pair.delayed, writer.voxels(1) * 70000.0 / 250e6, rtol=1e-6)


def test_images_are_told_apart_by_their_times_and_not_by_their_names(writer: CohortWriter) -> None:
    root = writer.cohort(1)
    early, delayed = (writer.image_path("sub-01", window) for window in ("early", "delayed"))
    cohort = open_cohort(root)
    fingerprint, expected = cohort.fingerprint, cohort.pair("sub-01")
    for suffix in (".nii.gz", ".json"):
        one = early.with_name(early.name.replace(".nii.gz", suffix))
        other = delayed.with_name(delayed.name.replace(".nii.gz", suffix))
        swap = one.with_name("swap")
        one.rename(swap)
        other.rename(one)
        swap.rename(other)
    swapped = open_cohort(root)
    assert swapped.fingerprint == fingerprint
    assert np.array_equal(swapped.pair("sub-01").early, expected.early)


def test_a_missing_delayed_image_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(3)
    writer.image_path("sub-02", "delayed").unlink()
    assert "sub-02" in (message := refusal(root))
    assert "no delayed image" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_voxel_that_is_no_number_is_refused_with_the_file_name(writer: CohortWriter, bad: float) -> None:
    root = writer.cohort(2)
    voxels = writer.voxels(3)
    voxels[2, 3, 4] = bad
    path = writer.image("sub-02", "delayed", voxels)
    assert str(path) in (message := refusal(root))
    assert "1 voxels" in message


def test_a_nan_that_comes_later_is_seen_in_spite_of_the_cache(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    open_cohort(root)
    voxels = writer.voxels(3)
    voxels[2, 3, 4] = np.nan
    writer.image("sub-02", "delayed", voxels)
    assert "NaN" in refusal(root)


def test_two_grids_in_one_pair_are_refused(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    other = Grid.regular((6, 8, 8), (20.0, 10.0, 10.7))
    path = writer.image("sub-02", "delayed", writer.voxels(3, other), other)
    assert str(path) in (message := refusal(root))
    assert "8x8x6 voxels of 10.7x10x20 mm" in message


def test_a_missing_weight_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    writer.participants({"sub-01": 70, "sub-02": "n/a"})
    assert "participants.tsv" in (message := refusal(root))
    assert "body_weight for sub-02" in message


@pytest.mark.parametrize("value", [0.0, 12.5])
def test_an_image_of_one_value_is_refused(writer: CohortWriter, value: float) -> None:
    root = writer.cohort(1)
    path = writer.image("sub-01", "early", np.full(writer.grid.shape, value, np.float32))
    assert str(path) in (message := refusal(root))
    assert "every voxel" in message


def test_a_delayed_image_that_copies_the_early_one_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(1)
    path = writer.image("sub-01", "delayed", writer.voxels(0))
    assert str(path) in (message := refusal(root))
    assert "copy of the early" in message


def test_a_truncated_image_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    path = writer.image_path("sub-01", "delayed")
    path.write_bytes(path.read_bytes()[:-300])
    assert str(path) in refusal(root)


def test_an_html_page_in_place_of_an_image_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    path = writer.image_path("sub-02", "early")
    path.write_text("<!DOCTYPE html><html></html>")
    assert str(path) in (message := refusal(root))
    assert "HTML" in message


def test_a_frame_without_a_time_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(1)
    movie = np.stack([writer.voxels(seed) for seed in range(3)])
    path = writer.image("sub-01", "early", movie, FrameTimesStart=[420, 840], FrameDuration=[420, 420])
    assert str(path) in (message := refusal(root))
    assert "3 frames in the image but 2 FrameTimesStart" in message


def test_two_injections_in_one_pair_are_refused(writer: CohortWriter) -> None:
    root = writer.cohort(1)
    writer.image("sub-01", "delayed", writer.voxels(1), InjectedRadioactivity=300)
    assert "one injection" in refusal(root)


def test_a_participant_on_disk_or_in_the_table_alone_is_refused(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    writer.participants({"sub-01": 70})
    assert "does not list sub-02" in refusal(root)
    writer.participants({"sub-01": 70, "sub-02": 71, "sub-03": 72})
    assert "lists sub-03" in refusal(root)


def test_a_folder_that_is_no_cohort_is_refused(tmp_path: Path) -> None:
    assert "participants.tsv" in refusal(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tbody_weight\n")
    assert "has no participants" in refusal(tmp_path)


# What the fingerprint depends on.


def copy_of(root: Path, tmp_path: Path, name: str = "elsewhere") -> Path:
    shutil.copytree(root, tmp_path / name, ignore=shutil.ignore_patterns(CACHE_NAME))
    return tmp_path / name


def test_the_fingerprint_is_of_content_and_not_of_places_or_bytes(writer: CohortWriter, tmp_path: Path) -> None:
    root = writer.cohort(2)
    other = copy_of(root, tmp_path)
    path = other / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.nii.gz"
    stored = StoredImage(path)
    plain = path.with_name(path.name.removesuffix(".gz"))
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert stored.frame_count == 1
    path.unlink()
    assert open_cohort(other).fingerprint == open_cohort(root).fingerprint


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
def test_the_fingerprint_changes_with_whatever_changes_suv(writer: CohortWriter, changes: dict[str, Any]) -> None:
    root = writer.cohort(2)
    before = open_cohort(root).fingerprint
    writer.image("sub-02", "delayed", writer.voxels(3), **changes)
    assert open_cohort(root).fingerprint != before


def test_the_fingerprint_changes_with_a_voxel_a_weight_and_a_place(writer: CohortWriter) -> None:
    root = writer.cohort(2)
    seen = {open_cohort(root).fingerprint}
    voxels: Volume = writer.voxels(3)
    voxels[1, 1, 1] += 0.5
    writer.image("sub-02", "delayed", voxels)
    seen.add(open_cohort(root).fingerprint)
    writer.participants({"sub-01": 70, "sub-02": 71.5})
    seen.add(open_cohort(root).fingerprint)
    shifted = writer.grid.affine.copy()
    shifted[2, 3] += 1.0
    for window, seed in (("early", 0), ("delayed", 1)):
        writer.image("sub-01", window, writer.voxels(seed), Grid(writer.grid.shape, shifted))
    seen.add(open_cohort(root).fingerprint)
    assert len(seen) == 4


def test_an_unchanged_cohort_opens_without_reading_a_voxel(
    writer: CohortWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = writer.cohort(2)
    first = open_cohort(root).fingerprint

    def refuse(stored: StoredImage, index: int) -> Volume:
        raise AssertionError(f"read frame {index} of {stored.path}")

    monkeypatch.setattr(StoredImage, "frame", refuse)
    assert open_cohort(root).fingerprint == first


def test_a_cohort_that_cannot_be_written_to_opens_all_the_same(
    writer: CohortWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = writer.cohort(2)

    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "read-only", str(path))

    monkeypatch.setattr("petbench_datasets.fingerprint.write_text", refuse)
    assert len(open_cohort(root).participants) == 2
    assert not (root / CACHE_NAME).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1, "participants": {"sub-01": {"key": 3}}}'])
def test_a_damaged_cache_is_ignored(writer: CohortWriter, content: str) -> None:
    root = writer.cohort(2)
    first = open_cohort(root).fingerprint
    (root / CACHE_NAME).write_text(content)
    assert open_cohort(root).fingerprint == first


def test_progress_is_told_participant_by_participant(writer: CohortWriter) -> None:
    seen: list[tuple[float, float]] = []
    open_cohort(writer.cohort(3), lambda _, done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


# What lies beside the images.


def derivative(writer: CohortWriter, name: str, values: Any, dtype: Any = np.float32, grid: Grid | None = None) -> Path:
    path = writer.root / "derivatives" / "phantom" / "sub-01" / f"sub-01_{name}.nii.gz"
    write_image(path, values, grid or writer.grid, dtype=dtype)
    return path


def test_labels_come_with_their_names(writer: CohortWriter) -> None:
    cohort = open_cohort(writer.cohort(1))
    assert cohort.labels("sub-01") is None
    values = np.random.default_rng(0).integers(0, 3, writer.grid.shape)
    derivative(writer, "desc-organs_dseg", values, np.int16)
    with pytest.raises(DataError, match="index and name"):
        cohort.labels("sub-01")
    (writer.root / "derivatives" / "phantom" / "dseg.tsv").write_text("index\tname\n1\tliver\n2\tbrain\n")
    found = cohort.labels("sub-01")
    assert found is not None
    assert np.array_equal(found[0], values)
    assert found[1] == {1: "liver", 2: "brain"}


def test_labels_on_another_grid_are_refused(writer: CohortWriter) -> None:
    cohort = open_cohort(writer.cohort(1))
    derivative(writer, "desc-organs_dseg", np.ones((3, 4, 4)), np.int16, Grid.regular((3, 4, 4), (40.0, 20.0, 20.0)))
    with pytest.raises(DataError, match="resample"):
        cohort.labels("sub-01")


def test_a_drawn_body_mask_is_used_and_otherwise_one_is_made(writer: CohortWriter) -> None:
    root = writer.cohort(1)
    grid = Grid.regular((12, 20, 20), (10.0, 10.0, 10.0))
    z, y, x = np.indices(grid.shape)
    body = ((y - 9.5) ** 2 + (x - 9.5) ** 2 < 36) & (z > 1)
    hole = ((y - 9.5) ** 2 + (x - 9.5) ** 2 < 4) & (z > 3)
    voxels = np.where(body & ~hole, 4000.0, 0.0).astype(np.float32)
    voxels[6, 1, 1] = 3000.0  # a stray hot voxel outside
    for window, factor in (("early", 1.0), ("delayed", 0.7)):
        writer.image("sub-01", window, voxels * np.float32(factor), grid)
    cohort = open_cohort(root)
    mask = cohort.body_mask("sub-01")
    assert mask.dtype == np.bool_
    assert mask[body].all()
    assert not mask[6, 1, 1]
    assert (mask & ~body).sum() < 0.5 * body.sum()
    derivative(writer, "desc-body_mask", body, np.uint8, grid)
    assert np.array_equal(cohort.body_mask("sub-01"), body)


def test_other_derivatives_are_found_by_their_ending(writer: CohortWriter) -> None:
    cohort = open_cohort(writer.cohort(1))
    assert cohort.derivative("sub-01", "desc-truth_pet") is None
    derivative(writer, "desc-truth_pet", writer.voxels(9))
    assert np.array_equal(cohort.derivative("sub-01", "desc-truth_pet"), writer.voxels(9))  # type: ignore[arg-type]
