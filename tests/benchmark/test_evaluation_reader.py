"""Predictions that cannot be scored are refused by name, with nothing returned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.evaluation.reader import check_distinct, content_digest, find_predictions, read_prediction
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRID = Grid.regular((5, 6, 7), (20.0, 10.0, 10.0))
BODY = np.ones(GRID.shape, dtype=bool)


@dataclass(frozen=True)
class Names:
    name: str = "tiny"
    participants: tuple[str, ...] = ("sub-01", "sub-02", "sub-03")


def image(seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(2.0, 0.5, GRID.shape).astype(np.float32)


def test_a_good_prediction_is_read_to_the_bit(tmp_path: Path) -> None:
    write_image(tmp_path / "sub-01.nii.gz", image(), GRID)
    np.testing.assert_array_equal(read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY), image())


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "1 NaN voxel"), (np.inf, "1 infinite voxel"), (-np.inf, "1 infinite voxel"), (-0.01, "1 negative voxel")],
)
def test_a_voxel_that_is_no_suv_is_refused_with_the_file_name(tmp_path: Path, value: float, message: str) -> None:
    volume = image()
    volume[2, 3, 4] = value
    write_image(tmp_path / "sub-02.nii.gz", volume, GRID)
    with pytest.raises(DataError, match=rf"sub-02\.nii\.gz: .*{message}"):
        read_prediction(tmp_path / "sub-02.nii.gz", GRID, BODY)


@pytest.mark.parametrize(
    "other", [Grid.regular((5, 6, 8), (20.0, 10.0, 10.0)), Grid.regular((5, 6, 7), (20.0, 10.0, 10.5))]
)
def test_another_grid_is_refused_with_both_grids(tmp_path: Path, other: Grid) -> None:
    write_image(tmp_path / "sub-01.nii.gz", np.ones(other.shape, dtype=np.float32), other)
    with pytest.raises(DataError, match=r"sub-01\.nii\.gz: its grid \(.*\) is not that of the real image"):
        read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY)


def test_an_image_in_becquerels_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "sub-01.nii.gz", image() * 5000.0, GRID)
    with pytest.raises(DataError, match="no SUV"):
        read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY)


def test_a_sidecar_with_another_unit_is_refused_and_one_in_suv_is_not(tmp_path: Path) -> None:
    write_image(tmp_path / "sub-01.nii.gz", image(), GRID)
    (tmp_path / "sub-01.json").write_text(json.dumps({"Units": "SUV"}))
    read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY)
    (tmp_path / "sub-01.json").write_text(json.dumps({"Units": "Bq/mL"}))
    with pytest.raises(DataError, match=r"sub-01\.json: its unit is 'Bq/mL'"):
        read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "sub-01.nii.gz").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"sub-01\.nii\.gz"):
        read_prediction(tmp_path / "sub-01.nii.gz", GRID, BODY)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def test_every_participant_is_found_and_others_of_the_dataset_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.nii.gz", "sub-02.nii", "sub-03.nii.gz", "notes.txt", ".partial-1-sub-01.nii.gz")
    found = find_predictions(tmp_path, ["sub-02", "sub-01"], Names())
    assert [(name, path.name) for name, path in found.items()] == [
        ("sub-02", "sub-02.nii"),
        ("sub-01", "sub-01.nii.gz"),
    ]


def test_a_missing_participant_is_named_with_the_coverage(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.nii.gz")
    with pytest.raises(DataError, match=r"no prediction of sub-02, sub-03 \(1/3 are there\)"):
        find_predictions(tmp_path, ["sub-01", "sub-02", "sub-03"], Names())


def test_two_files_for_one_participant_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.nii", "sub-01.nii.gz")
    with pytest.raises(DataError, match="a second prediction of sub-01"):
        find_predictions(tmp_path, ["sub-01"], Names())


def test_a_file_named_after_nobody_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.nii.gz", "sub-1.nii.gz")
    with pytest.raises(DataError, match="no participant of tiny is called 'sub-1'"):
        find_predictions(tmp_path, ["sub-01"], Names())


def test_a_participant_asked_for_twice_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.nii.gz")
    with pytest.raises(DataError, match="sub-01 is to be scored twice"):
        find_predictions(tmp_path, ["sub-01", "sub-01"], Names())
    with pytest.raises(DataError, match="no such folder"):
        find_predictions(tmp_path / "nowhere", ["sub-01"], Names())


def test_one_prediction_stored_for_two_participants_is_refused() -> None:
    same = content_digest(image())
    check_distinct({"sub-01": same, "sub-02": content_digest(image(2))})
    with pytest.raises(DataError, match="sub-01 and sub-03 hold the same voxels"):
        check_distinct({"sub-01": same, "sub-02": content_digest(image(2)), "sub-03": same})


def test_two_constant_predictions_are_poor_but_not_refused() -> None:
    nothing = content_digest(np.zeros(GRID.shape, dtype=np.float32))
    check_distinct({"sub-01": nothing, "sub-02": nothing})
