"""`petbench datasets register`: a body that was moved is found again, moved once, and recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as untyped_sitk  # noqa: N813
from PIL import Image
from scipy import ndimage
from scipy.spatial.transform import Rotation

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.register import register_dataset
from petbench_datasets.images.field_of_view import cut
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.registration import _image, _too_little, chance_gain, rigid_registration

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.images.grid import Volume

sitk: Any = untyped_sitk
GRID = Grid.regular((30, 24, 27), (8.0, 8.0, 8.0))


def bodies() -> tuple[Volume, Volume]:
    """Return an early and a delayed image of one body, whose organs change their order of brightness."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in GRID.shape), indexing="ij")
    body = (x / 0.7) ** 2 + (y / 0.45) ** 2 + (z / 0.9) ** 4 < 1
    brain = (x / 0.3) ** 2 + ((y - 0.05) / 0.3) ** 2 + ((z - 0.65) / 0.2) ** 2 < 1
    liver = ((x + 0.3) / 0.3) ** 2 + ((y + 0.05) / 0.3) ** 2 + ((z - 0.05) / 0.2) ** 2 < 1
    bladder = (x / 0.15) ** 2 + ((y + 0.1) / 0.15) ** 2 + ((z + 0.7) / 0.1) ** 2 < 1
    images = []
    for values in ((0.8, 4.0, 3.7, 6.0), (0.6, 7.0, 2.2, 25.0)):
        image = np.select([bladder, brain, liver, body], [values[3], values[1], values[2], values[0]], 0.0)
        images.append(ndimage.gaussian_filter(image, 1.0).astype(np.float32))
    return images[0], images[1]


def motion(degrees: tuple[float, float, float], millimetres: tuple[float, float, float]) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = millimetres
    return matrix


def error_millimetres(found: NDArray[np.float64], truth: NDArray[np.float64], body: NDArray[np.bool_]) -> float:
    """Return the largest error of a motion over the voxels of the body."""
    places = np.argwhere(body)[::20]
    world = GRID.affine @ np.c_[places[:, ::-1], np.ones(len(places))].T
    return float(np.linalg.norm((found @ truth @ world - world)[:3], axis=0).max())


@pytest.mark.parametrize(
    ("degrees", "millimetres", "table"),
    [
        ((0, 0, 0), (14, -9, 22), (0, 0, 0)),
        ((4, -2, 3), (8, -5, 12), (0, 0, 0)),
        ((-6, 5, 8), (-15, 10, 20), (0, 0, 0)),
        ((2, 1, -3), (5, 0, 0), (180, -60, 700)),  # the coordinates of another table
    ],
)
def test_a_body_that_lay_otherwise_is_found_within_half_a_voxel(
    degrees: tuple[float, float, float], millimetres: tuple[float, float, float], table: tuple[float, float, float]
) -> None:
    early, delayed = bodies()
    truth, shelf = motion(degrees, millimetres), motion((0, 0, 0), table)
    other = Grid(GRID.shape, shelf @ GRID.affine)
    second = resample(delayed, Grid(GRID.shape, shelf @ truth @ GRID.affine), other)
    found = rigid_registration(early, GRID, second, other, "sub-01")
    assert error_millimetres(found.matrix, shelf @ truth, early > 0.3) < 4.0
    assert found.similarity[1] > found.similarity[0]


def test_a_registration_is_the_same_every_time() -> None:
    early, delayed = bodies()
    other = Grid(GRID.shape, motion((2, 0, 3), (4, 3, 9)) @ GRID.affine)
    first, second = (rigid_registration(early, GRID, delayed, other, "sub-01") for _ in range(2))
    np.testing.assert_array_equal(first.matrix, second.matrix)


@pytest.mark.parametrize("slices", [2, 3, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("first", [2, 12])
def test_a_body_that_did_not_move_stays_however_little_of_it_was_seen_again(slices: int, first: int) -> None:
    early, delayed = noisy()
    box = (slice(first, first + slices), slice(0, 24), slice(0, 27))
    found = rigid_registration(early, GRID, np.ascontiguousarray(delayed[box]), cut(GRID, box), "sub-01")
    assert error_millimetres(found.matrix, np.eye(4), early > 0.3) < 4.0  # half a voxel


def test_a_movement_of_one_voxel_is_found_in_a_third_of_the_body() -> None:
    early, delayed = noisy()
    truth, box = motion((0, 0, 0), (5, -4, 6)), (slice(12, 22), slice(0, 24), slice(0, 27))
    second = resample(delayed, Grid(GRID.shape, truth @ GRID.affine), GRID)
    found = rigid_registration(early, GRID, np.ascontiguousarray(second[box]), cut(GRID, box), "sub-01")
    assert error_millimetres(found.matrix, truth, early > 0.3) < 4.0


def test_images_that_share_nothing_by_their_coordinates_and_too_little_to_tell_are_refused() -> None:
    early, delayed = noisy()
    box = (slice(2, 4), slice(0, 24), slice(0, 27))
    other = Grid((2, *GRID.shape[1:]), motion((0, 0, 0), (0, 0, 900)) @ GRID.affine)
    with pytest.raises(DataError) as caught:
        rigid_registration(early, GRID, np.ascontiguousarray(delayed[box]), other, "sub-01")
    assert str(caught.value).startswith(
        "sub-01: of the body in the early image, the delayed one shares 0 mL (0%) where their coordinates put them and "
    )
    assert "too little to tell a fit from chance; look whether both show one part of the body" in str(caught.value)


def test_what_two_images_share_is_said_in_millilitres_and_as_a_part_of_the_body() -> None:
    early, _ = bodies()
    image = _image(sitk, early, GRID, 8.0)
    values, spacing = sitk.GetArrayFromImage(image), np.array(image.GetSpacing())
    half = int((values > 0.3).sum()) // 2
    said = _too_little(sitk, image, (0, half))
    assert f"0 mL (0%) where their coordinates put them and {half * spacing.prod() / 1000:.0f} mL (50%) where" in said


def test_a_gain_counts_only_beyond_chance_and_more_so_where_less_is_shared() -> None:
    gains = [chance_gain(voxels, voxels) for voxels in (100, 1000, 10_000, 100_000)]
    np.testing.assert_allclose(gains, 38.258 / (2 * np.array([100, 1000, 10_000, 100_000])), rtol=1e-4)
    assert chance_gain(1000, 500) > chance_gain(500, 500) == chance_gain(400, 500)
    assert chance_gain(0, 500) > chance_gain(1000, 500)
    assert chance_gain(1000, 0) == np.inf


def noisy() -> tuple[Volume, Volume]:
    """Return `bodies` with noise of a tenth."""
    random = np.random.default_rng(0)
    early, delayed = (image * (1 + 0.1 * random.standard_normal(image.shape)) for image in bodies())
    return early.astype(np.float32), delayed.astype(np.float32)


def write(writer: DatasetWriter, truth: NDArray[np.float64]) -> Path:
    """Write two participants on `GRID`: one who was moved and has two frames of reference, one who was not."""
    root = writer.dataset(2)
    early, delayed = bodies()
    scale = np.float32(250e6 / 70_000)
    for name, place in (("sub-01", truth), ("sub-02", np.eye(4))):
        second = resample(delayed, Grid(GRID.shape, place @ GRID.affine), GRID)
        more = np.float32(1.1) if name == "sub-02" else np.float32(1)
        writer.image(name, "early", early * scale * more, GRID, FrameOfReferenceUID="1.2.3")
        uid = "1.2.4" if name == "sub-01" else "1.2.3"
        writer.image(name, "delayed", second * scale * more, GRID, FrameOfReferenceUID=uid)
    return root


@pytest.mark.slow
def test_the_delayed_image_is_interpolated_once_and_the_early_one_stays(writer: DatasetWriter, tmp_path: Path) -> None:
    truth = motion((0, 0, 5), (6, -4, 18))
    root = write(writer, truth)
    (doubt,) = (problem for problem in check_dataset(root) if "frame of reference" in problem.message)
    assert doubt.participant == "sub-01"
    notes = register_dataset(root, tmp_path / "new")
    assert [note for note in notes if note.startswith("sub-01: the body was moved by up to")]
    assert [note for note in notes if note.startswith("sub-02: no movement")]
    before, after = open_dataset(root), open_dataset(tmp_path / "new")
    record = json.loads(next((tmp_path / "new" / "sub-01").rglob("*delayed_pet.json")).read_text())["Registration"]
    matrix = np.array(record["MatrixRAS"])
    assert error_millimetres(matrix, truth, bodies()[0] > 0.3) < 4.0
    pair, old = after.pair("sub-01"), before.pair("sub-01")
    moved = Grid(GRID.shape, matrix @ GRID.affine)
    np.testing.assert_allclose(pair.delayed, resample(old.delayed, moved, pair.grid), atol=2e-3)
    np.testing.assert_array_equal(pair.early, resample(old.early, GRID, pair.grid))
    np.testing.assert_array_equal(after.pair("sub-02").delayed, before.pair("sub-02").delayed)
    assert not [problem for problem in check_dataset(tmp_path / "new") if "frame of reference" in problem.message]


def test_two_frames_of_reference_are_said_beside_two_grids(writer: DatasetWriter) -> None:
    root = write(writer, np.eye(4))
    other = Grid(GRID.shape, motion((0, 0, 0), (0, 0, 3)) @ GRID.affine)
    writer.image("sub-01", "delayed", bodies()[1] * np.float32(250e6 / 70_000), other, FrameOfReferenceUID="1.2.4")
    said = [problem.message for problem in check_dataset(root) if problem.participant == "sub-01"]
    assert [message for message in said if "moved by 3 mm along z" in message]
    assert len([message for message in said if "another frame of reference" in message]) == 1


def test_the_transform_is_kept_as_itk_reads_it_and_the_picture_shows_something(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    truth = motion((3, 0, 5), (6, -4, 18))
    register_dataset(write(writer, truth), tmp_path / "new", ["sub-01"])
    folder = tmp_path / "new" / "derivatives" / "registration" / "sub-01"
    transform = sitk.ReadTransform(str(folder / "sub-01_from-delayed_to-early_xfm.tfm"))
    flip = np.array([-1.0, -1.0, 1.0])
    for point in ((0.0, 0.0, 0.0), (40.0, -30.0, 60.0)):
        there = (truth @ np.append(point, 1.0))[:3]
        assert np.linalg.norm(np.array(transform.TransformPoint(flip * point)) * flip - there) < 4.0
    picture = np.asarray(Image.open(folder / "sub-01_registration.png").convert("RGB"))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
    assert not (folder.parent / "sub-02").exists()


def test_labels_drawn_on_the_delayed_image_move_with_it(writer: DatasetWriter, tmp_path: Path) -> None:
    from petbench_datasets.images.nifti_writer import write_image

    truth = motion((0, 0, 0), (18, -12, 24))
    root = write(writer, truth)
    _, delayed = bodies()
    other = Grid(GRID.shape, motion((0, 0, 0), (0, 0, 300)) @ GRID.affine)
    second = resample(delayed, Grid(GRID.shape, motion((0, 0, 0), (0, 0, 300)) @ truth @ GRID.affine), other)
    writer.image("sub-01", "delayed", second * np.float32(250e6 / 70_000), other)
    folder = root / "derivatives" / "lesions"
    write_image(folder / "sub-01" / "sub-01_desc-lesions_dseg.nii.gz", (second > 5).astype(np.int16), other)
    (folder / "dseg.tsv").write_text("index\tname\n1\thot\n")
    register_dataset(root, tmp_path / "new", ["sub-01"])
    dataset = open_dataset(tmp_path / "new")
    labels, pair = dataset.labels("sub-01", "lesions"), dataset.pair("sub-01")
    assert labels is not None
    middle = ndimage.center_of_mass(labels[0]), ndimage.center_of_mass(pair.delayed > 5)
    np.testing.assert_allclose(*middle, atol=0.5)


def test_one_file_with_both_images_lies_as_it_was_measured(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(1)
    for window in ("early", "delayed"):
        writer.image_path("sub-01", window).unlink()
        writer.sidecar_path("sub-01", window).unlink()
    times: dict[str, Any] = {"FrameTimesStart": [420, 2520], "FrameDuration": [840, 1260]}
    writer.image("sub-01", "dynamic", np.stack([writer.voxels(1), writer.voxels(2)]), **times)
    (note,) = register_dataset(root, tmp_path / "new")
    assert "one file holds both images" in note
    assert open_dataset(tmp_path / "new").fingerprint == open_dataset(root).fingerprint


def test_somebody_who_is_not_there_is_named(writer: DatasetWriter, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sub-09"):
        register_dataset(writer.dataset(1), tmp_path / "new", ["sub-09"])


def test_without_simpleitk_one_line_says_what_to_install(
    writer: DatasetWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    with pytest.raises(DataError, match=r"pip install 'petbench\[registration\]'"):
        register_dataset(writer.dataset(1), tmp_path / "new")
    assert not (tmp_path / "new").exists()
