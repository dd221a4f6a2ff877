"""Not measured is not zero: what two scans share, and what becomes of the rest."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.resample import resample_dataset
from petbench_datasets.images.field_of_view import common_box, cut, never_measured, share_outside
from petbench_datasets.images.grid import Grid, measured
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.importers.nifti import import_nifti

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tests.datasets.conftest import DatasetWriter

GRID = Grid.regular((10, 12, 14), (6.0, 8.0, 7.0))


def moved(grid: Grid, millimetres: tuple[float, float, float], degrees: tuple[float, float, float] = (0, 0, 0)) -> Grid:
    """Move a grid, and turn it around the world's origin."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    motion[:3, 3] = millimetres
    return Grid(grid.shape, motion @ grid.affine)


def centres_inside(source: Grid, target: Grid) -> NDArray[np.bool_]:
    """Return voxel by voxel whether the centre lies in a voxel of `source`."""
    inside = np.zeros(target.shape, bool)
    for z, y, x in np.ndindex(*target.shape):
        world = target.affine @ np.array([x, y, z, 1.0])
        place = (np.linalg.inv(source.affine) @ world)[:3]
        inside[z, y, x] = all(
            -0.5 - 1e-6 <= value <= size - 0.5 + 1e-6 for value, size in zip(place, source.shape[::-1], strict=True)
        )
    return inside


@pytest.mark.parametrize("motion", [((0, 0, 0), (0, 0, 0)), ((5, -9, 31), (0, 0, 0)), ((3, 4, -12), (8, -5, 11))])
def test_what_an_image_measured_is_where_centres_lie_in_its_voxels(
    motion: tuple[tuple[float, float, float], ...],
) -> None:
    source = moved(GRID, *motion)
    np.testing.assert_array_equal(measured(source, GRID), centres_inside(source, GRID))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (moved(GRID, (0, 0, 3)), "moved by 3 mm along z (towards the head)"),
        (moved(GRID, (-1.5, 0, 0)), "moved by 1.5 mm along x (towards the left)"),
        (
            moved(GRID, (0, 2, -4)),
            "moved by 2 mm along y (towards the front), moved by 4 mm along z (towards the feet)",
        ),
        (Grid.regular((10, 12, 14), (6.0, 8.0, 7.1)), "voxels of 7.1x8x6 mm instead of 7x8x6 mm"),
        (cut(GRID, (slice(2, 7), slice(0, 12), slice(0, 14))), "14x12x5 voxels instead of 14x12x10, first voxel"),
        (moved(GRID, (0, 0, 0), (0, 0, 5)), "axes turned by 5 degrees"),
    ],
)  # fmt: skip
def test_the_difference_of_two_grids_is_said_in_what_differs(other: Grid, words: str) -> None:
    assert words in GRID.difference(other)
    assert GRID.difference(GRID) == ""


def test_a_difference_is_never_said_with_two_equal_descriptions() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        shift, turn = (
            random.normal(0, 1, 3) * random.choice([0, 0.2, 5], 3),
            random.normal(0, 1, 3) * random.choice([0, 1]),
        )
        other = moved(GRID, tuple(shift), tuple(turn))
        assert bool(GRID.difference(other)) is not GRID.matches(other)
        ours, theirs = str(GRID), str(other)
        assert ours not in GRID.difference(other) or ours != theirs


@pytest.mark.parametrize("shift", list(itertools.product((-13.0, 0.0, 9.0), (0.0, 20.0), (-30.0, 3.0, 27.0))))
def test_along_the_axes_the_common_box_is_exactly_what_both_measured(shift: tuple[float, float, float]) -> None:
    source = moved(GRID, shift)
    box = common_box(GRID, [GRID, source])
    assert box is not None
    expected = np.zeros(GRID.shape, bool)
    expected[box] = True
    np.testing.assert_array_equal(centres_inside(source, GRID), expected)
    part = cut(GRID, box)
    z, y, x = (edge.start for edge in box)
    np.testing.assert_allclose(part.affine[:, 3], GRID.affine @ np.array([x, y, z, 1]))


@pytest.mark.parametrize("degrees", [(3.0, 0.0, 0.0), (2.0, -4.0, 6.0), (20.0, 10.0, -15.0)])
def test_of_images_turned_against_each_other_a_box_is_kept_that_both_measured_wholly(
    degrees: tuple[float, float, float],
) -> None:
    source = moved(GRID, (2.0, -3.0, 8.0), degrees)
    box = common_box(GRID, [source])
    assert box is not None
    seen = centres_inside(source, GRID)
    assert seen[box].all()
    assert seen[box].size > 0.4 * seen.sum()


def test_images_of_two_places_share_nothing(writer: DatasetWriter, tmp_path: Path) -> None:
    far = moved(writer.grid, (0, 0, 500))
    assert common_box(writer.grid, [far]) is None
    root = writer.dataset(1)
    writer.image("sub-01", "delayed", writer.voxels(3, far), far)
    with pytest.raises(DataError, match="share no voxel"):
        resample_dataset(root, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_share_outside_is_the_sum_of_the_voxels_whose_centre_is_outside() -> None:
    random = np.random.default_rng(1)
    volume = random.normal(0.5, 1.0, GRID.shape).astype(np.float32)
    for field in (moved(GRID, (20, 5, -12)), moved(GRID, (9, 0, 4), (0, 7, 0)), GRID, moved(GRID, (0, 0, 900))):
        positive = np.where(volume > 0, volume, 0).astype(float)
        expected = positive[~centres_inside(field, GRID)].sum() / positive.sum()
        assert share_outside(volume, GRID, field) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert share_outside(np.zeros(GRID.shape, np.float32), GRID, moved(GRID, (0, 0, 900))) == 0.0


@pytest.mark.parametrize("to", ["early", "delayed", (15.0, 9.0, 9.0)])
@pytest.mark.parametrize(
    ("shift", "degrees"), [((0, 0, 40), (0, 0, 0)), ((-22, 9, -30), (0, 0, 0)), ((4, 4, 25), (0, 6, 3))]
)
def test_no_voxel_of_a_resampled_pair_was_never_measured(
    writer: DatasetWriter,
    tmp_path: Path,
    to: str,
    shift: tuple[float, float, float],
    degrees: tuple[float, float, float],
) -> None:
    root, other = writer.dataset(1), moved(writer.grid, shift, degrees)
    full = np.full(writer.grid.shape, 4000.0, np.float32)
    full += np.random.default_rng(0).normal(0, 1, full.shape).astype(np.float32)
    writer.image("sub-01", "early", full, writer.grid)
    writer.image("sub-01", "delayed", full[::-1].copy(), other)
    notes = resample_dataset(root, tmp_path / "new", to=to)  # type: ignore[arg-type]
    pair = open_dataset(tmp_path / "new").pair("sub-01")
    for image in (pair.early, pair.delayed):
        assert image.min() == pytest.approx(image.max(), rel=0.01)
    assert any("of the activity of sub-01_trc-18FFDG_rec-early_pet.nii.gz lies outside" in note for note in notes)
    record = json.loads(next((tmp_path / "new").rglob("*early_pet.json")).read_text())["Resampled"]
    outside = share_outside(full, writer.grid, pair.grid)
    assert record["ActivityCutAwayPercent"] == pytest.approx(100 * outside, abs=0.01)


def test_an_image_that_is_only_cut_keeps_its_voxels_to_the_bit(writer: DatasetWriter, tmp_path: Path) -> None:
    root, other = writer.dataset(1), cut(writer.grid, (slice(1, 5), slice(0, 8), slice(2, 8)))
    writer.image("sub-01", "delayed", writer.voxels(9, other), other)
    before = open_dataset(writer.dataset(1)).pair("sub-01").early
    writer.image("sub-01", "delayed", writer.voxels(9, other), other)
    resample_dataset(root, tmp_path / "new")
    pair = open_dataset(tmp_path / "new").pair("sub-01")
    np.testing.assert_array_equal(pair.early, before[1:5, :, 2:8])
    record = json.loads(next((tmp_path / "new").rglob("*early_pet.json")).read_text())["Resampled"]
    assert record["Method"] == "cut to the voxels that both images of the pair measured"


def test_zeros_that_another_program_filled_in_are_warned_of_and_cut(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(2)
    voxels = writer.voxels(7)
    voxels[:2], voxels[:, :, -1] = 0.0, 0.0
    path = writer.image("sub-02", "delayed", voxels)
    (warning,) = (problem for problem in check_dataset(root) if "never measured" in problem.message)
    assert warning.participant == "sub-02"
    assert str(path) in warning.message
    notes = resample_dataset(root, tmp_path / "new")
    assert [note for note in notes if "taken as not measured" in note]
    dataset = open_dataset(tmp_path / "new")
    assert dataset.grid("sub-02").shape == (4, 8, 7)
    assert dataset.grid("sub-01").shape == writer.grid.shape
    assert not [problem for problem in check_dataset(tmp_path / "new") if "never measured" in problem.message]


def test_zeros_where_the_other_image_has_none_either_are_air(writer: DatasetWriter) -> None:
    voxels = writer.voxels(7)
    voxels[:, :2] = 0.0
    other = writer.voxels(8)
    other[:, :2] *= 0.002
    assert never_measured(voxels, writer.grid, other, writer.grid) is None
    assert never_measured(voxels, writer.grid, writer.voxels(8), writer.grid) is not None


def test_an_image_of_neither_window_is_left_out_and_cuts_nothing(writer: DatasetWriter, tmp_path: Path) -> None:
    root, small = writer.dataset(1), cut(writer.grid, (slice(0, 1), slice(0, 8), slice(0, 8)))
    times = {"FrameTimesStart": [1300], "FrameDuration": [600]}
    writer.image("sub-01", "middle", writer.voxels(4, small), small, **times)
    notes = resample_dataset(root, tmp_path / "new")
    assert open_dataset(tmp_path / "new").grid("sub-01").shape == writer.grid.shape
    assert len(notes) == 1
    assert "makes neither window" in notes[0]


@pytest.mark.parametrize("to", ["early", "delayed"])
def test_an_import_of_nifti_cuts_to_what_both_measured_and_says_how_much_that_took(tmp_path: Path, to: str) -> None:
    random, other = np.random.default_rng(3), moved(GRID, (9, 0, 21))
    early, delayed = (random.uniform(1, 3, GRID.shape).astype(np.float32) for _ in range(2))
    write_image(tmp_path / "e.nii.gz", early, GRID)
    write_image(tmp_path / "d.nii.gz", delayed, other)
    (tmp_path / "pairs.csv").write_text("participant,early,delayed,units\n01,e.nii.gz,d.nii.gz,SUV\n")
    with pytest.raises(DataError, match=r"moved by 9 mm along x \(towards the right\), moved by 21 mm along z"):
        import_nifti(tmp_path / "pairs.csv", tmp_path / "new")
    report = import_nifti(tmp_path / "pairs.csv", tmp_path / "new", resample_to=to)  # type: ignore[arg-type]
    pair = open_dataset(tmp_path / "new").pair("sub-01")
    assert min(pair.early.min(), pair.delayed.min()) >= 1.0
    shares = [100 * share_outside(image, grid, pair.grid) for image, grid in ((early, GRID), (delayed, other))]
    for image, share in zip(report.images, shares, strict=True):
        assert any(note.startswith(f"{share:.1f} % of its activity") for note in image.notes)
