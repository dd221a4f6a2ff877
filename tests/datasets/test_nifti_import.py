from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.importers.nifti import import_nifti

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.images.grid import Volume

GRID = Grid.regular((6, 8, 8), (20.0, 10.0, 10.0))
OTHER = Grid.regular((8, 10, 10), (15.0, 8.0, 8.0))
HALF_LIFE = 6586.2


def voxels(seed: int, grid: Grid = GRID) -> Volume:
    return np.random.default_rng(seed).gamma(4.0, 1.0, grid.shape).astype(np.float32)


def table_of(folder: Path, *lines: str, name: str = "pairs.csv") -> Path:
    for seed in range(4):
        write_image(folder / f"image{seed}.nii.gz", voxels(seed), GRID)
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def refusal(table: Path, tmp_path: Path) -> str:
    with pytest.raises(DataError) as caught:
        import_nifti(table, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pairs_that_are_suv_already_become_a_dataset(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "participant,early,delayed,units,sex,site",
        "01,image0.nii.gz,image1.nii.gz,SUV,F,north",
        "02,image2.nii.gz,image3.nii.gz,SUV,M,south",
    )
    report = import_nifti(table, tmp_path / "dataset")
    assert len(report.images) == 4
    assert all("whole" in image.notes[0] for image in report.images)
    dataset = open_dataset(tmp_path / "dataset")
    assert np.array_equal(dataset.pair("sub-02").delayed, voxels(3))
    assert dataset.table["sub-02"]["site"] == "south"
    assert dataset.table["sub-02"]["sex"] == "M"


@pytest.mark.parametrize(
    ("correction", "factors"),
    [
        ("START", (2 ** (420 / HALF_LIFE), 2 ** (2520 / HALF_LIFE))),
        ("ADMIN", (1.0, 1.0)),
    ],
)
def test_activity_with_weight_dose_and_times_becomes_suv(
    tmp_path: Path, correction: str, factors: tuple[float, float]
) -> None:
    table = table_of(
        tmp_path,
        "participant\tearly\tdelayed\tunits\tweight_kg\tdose_mbq\tearly_start_min\tearly_duration_min"
        "\tdelayed_start_s\tdelayed_duration_s\tdecay_correction",
        f"a\timage0.nii.gz\timage1.nii.gz\tkBq/mL\t70\t250\t7\t14\t2520\t1260\t{correction}",
        name="pairs.tsv",
    )
    import_nifti(table, tmp_path / "dataset")
    pair = open_dataset(tmp_path / "dataset").pair("sub-a")
    per_value = 1000.0 * 70000.0 / 250e6
    assert np.allclose(pair.early, voxels(0) * per_value * factors[0], rtol=1e-5)
    assert np.allclose(pair.delayed, voxels(1) * per_value * factors[1], rtol=1e-5)


HEADER = "participant,early,delayed,units,weight,dose,early_start_s,early_duration_s,delayed_start_s,delayed_duration_s"
ROW = "a,image0.nii.gz,image1.nii.gz,Bq/mL,70,250,420,840,2520,1260"


def test_a_correction_that_is_not_named_is_taken_as_start_and_reported(tmp_path: Path) -> None:
    report = import_nifti(table_of(tmp_path, HEADER, ROW), tmp_path / "dataset")
    assert all(any("START" in note for note in image.notes) for image in report.images)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a,", "a b,", "letters and digits"),
        (",image1.nii.gz", ",", "no delayed image for sub-a"),
        ("image1", "image9", "image9.nii.gz: no such file"),
        ("Bq/mL", "counts", "units of sub-a"),
        ("70,", ",", "no weight_kg for sub-a"),
        ("70,", "7 0,", "not a number"),
        (",250,", ",,", "no dose_mbq for sub-a"),
        (",420,840", ",,840", "early_start_s"),
        (",1260", ",0", "delayed_duration_s"),
        ("a,image0", "b,image0", ""),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_and_nothing_is_written(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in ROW
    table = table_of(tmp_path, HEADER, ROW.replace(old, new, 1))
    if words:
        assert words in refusal(table, tmp_path)
    else:
        assert import_nifti(table, tmp_path / "dataset").images[0].participant == "sub-b"


def test_a_participant_with_two_rows_is_refused(tmp_path: Path) -> None:
    assert "two rows" in refusal(table_of(tmp_path, HEADER, ROW, ROW), tmp_path)


def test_an_empty_table_and_a_ragged_one_are_refused(tmp_path: Path) -> None:
    assert "no rows" in refusal(table_of(tmp_path, HEADER), tmp_path)
    assert "more cells" in refusal(table_of(tmp_path, HEADER, ROW + ",1,2"), tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_image_that_is_not_finite_stops_the_import(tmp_path: Path, bad: float) -> None:
    table = table_of(tmp_path, HEADER, ROW)
    broken = voxels(1)
    broken[0, 0, 0] = bad
    write_image(tmp_path / "image1.nii.gz", broken, GRID)
    assert "image1.nii.gz: holds NaN" in refusal(table, tmp_path)


def test_grids_that_differ_are_resampled_only_when_asked_and_it_is_recorded(tmp_path: Path) -> None:
    table = table_of(tmp_path, HEADER, ROW)
    write_image(tmp_path / "image1.nii.gz", voxels(1, OTHER), OTHER)
    assert "bring both to one grid" in refusal(table, tmp_path)
    report = import_nifti(table, tmp_path / "dataset", resample_to="early")
    delayed = next(image for image in report.images if "delayed" in image.path.name)
    scan = read_scan(delayed.path)
    assert scan.grid.matches(GRID)
    assert np.allclose(scan.activity(0), resample(voxels(1, OTHER), OTHER, GRID))
    sidecar = json.loads(delayed.path.with_name(delayed.path.name.replace(".nii.gz", ".json")).read_text())
    assert sidecar["Resampled"]["From"] == str(OTHER)
    assert any("resampled" in note for note in delayed.notes)
    open_dataset(tmp_path / "dataset")
