from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.dicom import export_dicom
from petbench_datasets.exporters.images import export_bids, export_nifti
from petbench_datasets.images.grid import Grid
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.nifti import import_nifti

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

    from petbench_datasets.dataset.reader import Dataset

OBLONG = Grid.regular((7, 6, 9), (5.0, 5.3456, 5.3456))


@pytest.fixture
def dataset(writer: DatasetWriter) -> Dataset:
    """Two participants as two static images, one of them off centre; a third as a dynamic scan."""
    root = writer.dataset(3, sex=["F", "M", "F"], age=["31", "44", "n/a"])
    shifted = OBLONG.affine.copy()
    shifted[:3, 3] += [11.25, -3.5, 700.125]
    grid = Grid(OBLONG.shape, shifted)
    for window, seed in (("early", 20), ("delayed", 21)):
        writer.image("sub-02", window, writer.voxels(seed, grid), grid)
    for window in ("early", "delayed"):
        writer.image_path("sub-03", window).unlink()
        writer.sidecar_path("sub-03", window).unlink()
    movie = np.stack([writer.voxels(seed) for seed in range(30, 34)])
    times: dict[str, Any] = {"FrameTimesStart": [400, 800, 2500, 3100], "FrameDuration": [400, 500, 600, 700]}
    writer.image("sub-03", "dynamic", movie, **times, ImageDecayCorrected=False)
    return open_dataset(root)


def same_suv(before: Dataset, after: Dataset, steps: float = 0.0) -> None:
    assert after.participants == before.participants
    for name in before.participants:
        one, other = before.pair(name), after.pair(name)
        assert other.grid.matches(one.grid)
        for volume, back in ((one.early, other.early), (one.delayed, other.delayed)):
            # A step of 16-bit storage, slice by slice, and the rounding of float32.
            step = steps * volume.max(axis=(1, 2), keepdims=True) / 32767 + 2e-6 * volume
            assert (np.abs(back - volume) <= step).all()


def test_dicom_reads_back_to_the_same_suv_within_one_step(dataset: Dataset, tmp_path: Path) -> None:
    export_dicom(dataset, tmp_path / "dicom")
    import_dicom(tmp_path / "dicom", tmp_path / "back")
    same_suv(dataset, open_dataset(tmp_path / "back"), steps=0.51)


def test_a_dataset_that_is_suv_already_goes_through_dicom_too(dataset: Dataset, tmp_path: Path) -> None:
    export_bids(dataset, tmp_path / "suv")
    plain = open_dataset(tmp_path / "suv")
    export_dicom(plain, tmp_path / "dicom")
    first = pydicom.dcmread(next((tmp_path / "dicom").rglob("*.dcm")))
    assert first.Units == "GML"
    import_dicom(tmp_path / "dicom", tmp_path / "back")
    same_suv(plain, open_dataset(tmp_path / "back"), steps=0.51)


def test_nifti_reads_back_to_the_same_suv(dataset: Dataset, tmp_path: Path) -> None:
    table = export_nifti(dataset, tmp_path / "nifti")
    import_nifti(table, tmp_path / "back")
    after = open_dataset(tmp_path / "back")
    same_suv(dataset, after)
    assert after.table["sub-02"]["sex"] == "M"
    assert float(after.table["sub-02"]["body_weight"]) == 71


def test_bids_reads_back_to_the_same_suv(dataset: Dataset, tmp_path: Path) -> None:
    export_bids(dataset, tmp_path / "bids")
    after = open_dataset(tmp_path / "bids")
    same_suv(dataset, after)
    assert after.table["sub-01"]["age"] == "31"
    export_bids(after, tmp_path / "again")
    assert open_dataset(tmp_path / "again").fingerprint == after.fingerprint


def test_exported_dicom_is_valid_and_the_same_every_time(dataset: Dataset, tmp_path: Path) -> None:
    export_dicom(dataset, tmp_path / "one")
    export_dicom(dataset, tmp_path / "two")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.dcm"))
    assert len(files) == 6 + 6 + 7 + 7 + 6 + 6
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    uids = {pydicom.dcmread(tmp_path / "one" / file).SOPInstanceUID for file in files}
    assert len(uids) == len(files)


def test_nothing_is_written_over(dataset: Dataset, tmp_path: Path) -> None:
    for export in (export_dicom, export_nifti, export_bids):
        with pytest.raises(DataError, match="is there already"):
            export(dataset, dataset.root)
