from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti import StoredImage, read_image, read_labels
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

nib: Any = nibabel
GRID = Grid.regular((5, 6, 7), (3.0, 2.0, 1.5))
VOXELS = np.random.default_rng(1).random(GRID.shape, dtype=np.float32)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    write_image(path, VOXELS, GRID)
    return path


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_an_image_comes_back_as_it_was_written(written: Path) -> None:
    voxels, grid = read_image(written)
    assert voxels.dtype == np.float32
    assert np.array_equal(voxels, VOXELS)
    assert grid.matches(GRID)


def test_another_reader_sees_the_same_world(written: Path) -> None:
    image = nib.load(written)
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    assert np.array_equal(image.get_fdata().T, VOXELS)
    assert image.header.get_zooms() == pytest.approx((1.5, 2.0, 3.0))


def test_equal_images_are_equal_files(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "another_name.nii.gz"
    write_image(other, VOXELS, GRID)
    assert other.read_bytes() == written.read_bytes()


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SAL", "ILA"])
def test_every_axis_order_is_brought_to_left_posterior_superior_without_loss(axes: str, tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS.T, GRID.affine)
    turn = nib.orientations.ornt_transform(nib.io_orientation(GRID.affine), nib.orientations.axcodes2ornt(tuple(axes)))
    nib.save(image.as_reoriented(turn), tmp_path / "turned.nii.gz")
    voxels, grid = read_image(tmp_path / "turned.nii.gz")
    assert np.array_equal(voxels, VOXELS)
    assert grid.matches(GRID)


def test_stored_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(210, dtype=np.int16).reshape(7, 6, 5), GRID.affine)
    image.header.set_slope_inter(0.5, 10.0)
    nib.save(image, tmp_path / "scaled.nii.gz")
    raw = nib.load(tmp_path / "scaled.nii.gz").get_fdata()
    assert np.allclose(read_image(tmp_path / "scaled.nii.gz")[0], raw.T)


def test_a_dynamic_image_has_time_first_and_gives_single_frames(tmp_path: Path) -> None:
    movie = np.random.default_rng(2).random((4, *GRID.shape), dtype=np.float32)
    write_image(tmp_path / "movie.nii.gz", movie, GRID)
    assert np.array_equal(read_image(tmp_path / "movie.nii.gz")[0], movie)
    stored = StoredImage(tmp_path / "movie.nii.gz")
    assert (stored.dynamic, stored.frame_count) == (True, 4)
    assert np.array_equal(stored.frame(2), movie[2])


def test_a_time_axis_of_one_frame_is_a_static_image(tmp_path: Path) -> None:
    write_image(tmp_path / "one.nii.gz", VOXELS[None], GRID)
    assert read_image(tmp_path / "one.nii.gz")[0].shape == GRID.shape


def test_a_truncated_file_is_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-200])
    assert "cut short" in message_of(written)


def test_a_flipped_bit_is_refused(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[len(content) // 2] ^= 0x10
    written.write_bytes(bytes(content))
    message_of(written)


def test_a_wrong_checksum_is_refused_though_every_voxel_can_be_read(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[-6] ^= 0xFF
    written.write_bytes(bytes(content))
    message_of(written)


@pytest.mark.parametrize("name", ["page.nii.gz", "page.nii"])
def test_an_html_page_named_nii_is_called_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("<!DOCTYPE html><html><body>404</body></html>" * 20)
    assert "HTML" in message_of(path)


def test_a_zipped_html_page_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "page.nii.gz"
    path.write_bytes(gzip.compress(b"<html>404</html>" * 50))
    assert "HTML" in message_of(path)


def test_an_empty_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.nii.gz"
    empty.touch()
    assert "empty" in message_of(empty)
    assert "no such file" in message_of(tmp_path / "nowhere.nii.gz")


def test_an_image_without_orientation_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS.T, None)
    nib.save(image, tmp_path / "lost.nii.gz")
    assert "sform" in message_of(tmp_path / "lost.nii.gz")


def test_labels_are_whole_numbers(written: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "labels.nii.gz", (VOXELS * 9).astype(np.int16), GRID, dtype=np.int16)
    assert np.array_equal(read_labels(tmp_path / "labels.nii.gz")[0], (VOXELS * 9).astype(np.int16))
    with pytest.raises(DataError, match="whole numbers"):
        read_labels(written)


def test_nothing_half_written_is_left_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="do not fit"):
        write_image(tmp_path / "scan.nii.gz", VOXELS[:3], GRID)
    assert list(tmp_path.iterdir()) == []
