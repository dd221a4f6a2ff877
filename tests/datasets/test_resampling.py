from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.resample import resample_dataset, respaced
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

OTHER = Grid.regular((8, 10, 10), (15.0, 8.0, 8.0))


def test_a_pair_on_two_grids_is_refused_until_it_was_asked_to_be_resampled(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    root = writer.dataset(2)
    writer.image("sub-02", "delayed", writer.voxels(3, OTHER), OTHER)
    with pytest.raises(DataError, match="petbench datasets resample"):
        open_dataset(root)
    resample_dataset(root, tmp_path / "new")
    dataset = open_dataset(tmp_path / "new")
    pair = dataset.pair("sub-02")
    assert pair.grid.matches(writer.grid)
    expected = resample(writer.voxels(3, OTHER), OTHER, writer.grid) * np.float32(71000.0 / 250e6)
    assert np.allclose(pair.delayed, expected, rtol=1e-5)
    assert np.array_equal(dataset.pair("sub-01").early * np.float32(1), dataset.pair("sub-01").early)


def test_what_was_resampled_says_so_and_the_rest_does_not(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(2)
    writer.image("sub-02", "delayed", writer.voxels(3, OTHER), OTHER)
    resample_dataset(root, tmp_path / "new")
    records = {
        path.stem: json.loads(path.read_text()).get("Resampled")
        for path in sorted((tmp_path / "new").glob("sub-*/pet/*.json"))
    }
    resampled = {name: record for name, record in records.items() if record}
    assert list(resampled) == ["sub-02_trc-18FFDG_rec-delayed_pet"]
    assert resampled["sub-02_trc-18FFDG_rec-delayed_pet"]["From"] == str(OTHER)
    assert resampled["sub-02_trc-18FFDG_rec-delayed_pet"]["To"] == str(writer.grid)


def test_the_delayed_grid_or_a_spacing_can_be_asked_for(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(1)
    writer.image("sub-01", "delayed", writer.voxels(3, OTHER), OTHER)
    resample_dataset(root, tmp_path / "delayed", to="delayed")
    assert open_dataset(tmp_path / "delayed").grid("sub-01").matches(OTHER)
    resample_dataset(root, tmp_path / "fine", to=(10.0, 5.0, 5.0))
    grid = open_dataset(tmp_path / "fine").grid("sub-01")
    assert grid.shape == (12, 16, 16)
    assert grid.spacing_millimetres == pytest.approx((10.0, 5.0, 5.0))


def test_labels_go_along(writer: DatasetWriter, tmp_path: Path) -> None:
    root = writer.dataset(1)
    labels = np.zeros(writer.grid.shape, np.int16)
    labels[2:4] = 5
    folder = root / "derivatives" / "phantom"
    write_image(folder / "sub-01" / "sub-01_desc-organs_dseg.nii.gz", labels, writer.grid, dtype=np.int16)
    (folder / "dseg.tsv").write_text("index\tname\n5\tliver\n")
    resample_dataset(root, tmp_path / "fine", to=(10.0, 5.0, 5.0))
    found = open_dataset(tmp_path / "fine").labels("sub-01")
    assert found is not None
    assert found[1] == {5: "liver"}
    assert (found[0] == 5).mean() == pytest.approx((labels == 5).mean())


def test_a_new_spacing_keeps_extent_and_centre() -> None:
    grid = respaced(OTHER, (30.0, 16.0, 7.9))
    assert grid.shape == (4, 5, 11)
    assert grid.corners_millimetres().mean(axis=0) == pytest.approx(OTHER.corners_millimetres().mean(axis=0))
    with pytest.raises(DataError, match="impossible"):
        respaced(OTHER, (0.0, 1.0, 1.0))


def test_an_existing_folder_is_not_written_to_and_a_failure_leaves_nothing(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    root = writer.dataset(2)
    with pytest.raises(DataError, match="is there already"):
        resample_dataset(root, root)
    path = writer.image_path("sub-02", "delayed")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=str(path)):
        resample_dataset(root, tmp_path / "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny"]


def test_an_image_without_attenuation_correction_is_passed_over_as_in_a_run(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    root = writer.dataset(1)
    writer.image("sub-01", "delayed", writer.voxels(3, OTHER), OTHER)
    writer.image("sub-01", "nacstat", writer.voxels(4))
    resample_dataset(root, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").rglob("*_pet.nii.gz")} == {
        writer.image_path("sub-01", window).name for window in ("early", "delayed")
    }
    assert open_dataset(tmp_path / "new").pair("sub-01").grid.matches(writer.grid)
