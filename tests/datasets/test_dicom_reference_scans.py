from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from petbench_datasets.bids.scan import read_scan
from petbench_datasets.images.nifti import read_image
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["DRO_0_0", "DRO_1_0", "DRO_2_0", "DRO_2_4", "DRO_3_0", "DRO_3_2", "DRO_4_0", "DRO_4_2", "DRO_5_0"]
)
def test_the_reference_objects_have_their_published_suv(
    name: str, real_data: Callable[[str], Path], petbench: Petbench, tmp_path: Path
) -> None:
    source = real_data("ibsi_suv_dro") / "ibsi_suv_dro" / name
    allowed = ["--radionuclide", "Ga68"] if name == "DRO_5_0" else []
    said = petbench("datasets", "import", "dicom", source, "--out", tmp_path / "dataset", *allowed).stdout
    assert "SUV maximum 4.0," in said
    scan = read_scan(next((tmp_path / "dataset").rglob("*_pet.nii.gz")))
    mask, grid = read_image(source / "mask" / "DRO_mask.nii.gz")
    assert grid.matches(scan.grid)
    inside = scan.suv()[mask > 0]
    assert (inside.min(), np.median(inside), inside.max()) == pytest.approx((0.2, 1.0, 4.0), abs=0.01)


@pytest.mark.parametrize("name", ["DRO_0_0", "DRO_4_2"])
def test_the_region_of_a_reference_object_has_the_volume_of_its_polygons(
    name: str, real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    source = real_data("ibsi_suv_dro") / "ibsi_suv_dro" / name
    (drawn,) = (source / "RS").iterdir()
    (lesions,) = import_dicom(source / "PT", tmp_path / "dataset", lesions=drawn).lesions
    area = 0.0
    for contour in pydicom.dcmread(drawn).ROIContourSequence[0].ContourSequence:
        x, y, _ = np.array(contour.ContourData, dtype=float).reshape(-1, 3).T
        area += abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2.0
    assert lesions.millilitres == [pytest.approx(area * 4.0 / 1000.0, rel=0.005)]  # planes 4 mm apart
    assert lesions.names == ["region_1"]


def test_gallium_is_refused_where_fluorine_is_required(
    real_data: Callable[[str], Path], petbench: Petbench, tmp_path: Path
) -> None:
    source = real_data("ibsi_suv_dro") / "ibsi_suv_dro" / "DRO_5_0"
    said = petbench.refusal("datasets", "import", "dicom", source, "--out", tmp_path / "dataset")
    assert "Ga68, not F18" in said
    assert "--radionuclide Ga68" in said
    assert not (tmp_path / "dataset").exists()


def test_the_real_ge_scan_is_reported_by_the_command(
    real_data: Callable[[str], Path], petbench: Petbench, tmp_path: Path
) -> None:
    source = real_data("sts_001_fdg_pet_dicom") / "sts_001_fdg_pet_dicom"
    said = petbench("datasets", "import", "dicom", source, "--out", tmp_path / "dataset").stdout
    assert "SUV maximum 66.5, 66 % of the dose in view" in said


def test_the_real_ge_scan_has_its_published_suv(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = real_data("sts_001_fdg_pet_dicom") / "sts_001_fdg_pet_dicom"
    report = import_dicom(source, tmp_path / "dataset")
    scan = read_scan(report.images[0].path)
    assert scan.calibration is not None
    assert scan.calibration.injected_bq == pytest.approx(388.8e6, rel=1e-3)
    assert scan.calibration.weight_kilograms == 71
    suv = scan.suv()
    assert suv.shape == (267, 128, 128)
    assert suv.max() == pytest.approx(66.52, abs=0.01)
    in_view = float(suv.sum(dtype=np.float64)) * scan.grid.voxel_millilitres / 71000.0
    assert in_view == pytest.approx(0.66, abs=0.01)
    # Anonymisation left one AcquisitionTime for six beds: the doubt is reported, the series time is used.
    assert any("one AcquisitionTime" in note for note in report.images[0].notes)
    same, _ = read_image(real_data("sts_001_bids_pet") / "bids/sub-sts001/pet/sub-sts001_trc-18FFDG_pet.nii.gz")
    half_a_step = float(same.max()) / 65535 / 2  # the other conversion is kept as 16-bit integers
    assert np.abs(scan.activity(0) - same).max() < 1.02 * half_a_step
