"""From a clinic's DICOM files to a dataset, and opening a dataset: beside pydicom and nibabel alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pydicom
import pytest
from tests.datasets.dicom_writer import write_series

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from pathlib import Path

nibabel: Any = untyped_nibabel
SLICES, SIDE = 98, 128
PEOPLE = ("P01", "P02", "P03")
WINDOWS = {"early": ("100700", 840_000), "delayed": ("104200", 1_260_000)}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three patients with two series of 98 slices each."""
    folder, random = tmp_path_factory.mktemp("clinic"), np.random.default_rng(0)
    for number, who in enumerate(PEOPLE):
        for index, (window, (clock, milliseconds)) in enumerate(WINDOWS.items()):
            write_series(
                folder / who / window,
                random.integers(0, 3000, (SLICES, SIDE, SIDE)).astype(np.int16),
                series=f"1.2.{number}.{index}",
                PatientID=who,
                StudyInstanceUID=f"1.2.{number}",
                SeriesTime=clock,
                AcquisitionTime=clock,
                ActualFrameDuration=milliseconds,
                NumberOfSlices=SLICES,
                RescaleSlope="0.5",
            )
    return folder


def test_bench_importing_dicom(side_by_side: Any, clinic: Path, tmp_path: Path) -> None:
    files = sorted(clinic.rglob("*.dcm"))

    def plain() -> None:
        for path in files:
            np.asarray(pydicom.dcmread(path).pixel_array, dtype=np.float32)

    def ours() -> None:
        shutil.rmtree(tmp_path / "dataset", ignore_errors=True)
        import_dicom(clinic, tmp_path / "dataset")

    side_by_side(
        plain,
        ours,
        what=f"importing {len(PEOPLE) * len(WINDOWS)} DICOM series of {SLICES} slices",
        against="pydicom alone, every slice read once and nothing written",
        floor=f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB read",
    )


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_bench_opening_a_dataset(side_by_side: Any, clinic: Path, tmp_path: Path, state: str) -> None:
    """Cold is a dataset whose voxels have never been hashed here; its files are in memory."""
    import_dicom(clinic, tmp_path / "dataset")
    images = sorted((tmp_path / "dataset").rglob("*.nii.gz"))
    open_dataset(tmp_path / "dataset")

    def plain() -> None:
        for path in images:
            np.asarray(nibabel.load(path).dataobj, dtype=np.float32)

    def ours() -> None:
        if state == "cold":
            forget_hashes(tmp_path / "dataset")
        open_dataset(tmp_path / "dataset")

    side_by_side(
        plain,
        ours,
        what=f"opening a dataset of {len(PEOPLE)} participants of {SLICES} slices, {state}",
        against="nibabel alone, all images",
        floor=f"{sum(path.stat().st_size for path in images) / 1e6:.0f} MB unpacked" if state == "cold" else "",
    )


def forget_hashes(root: Path) -> None:
    for path in root.glob(".petbench*"):
        path.unlink()
