"""`petbench predict`: what comes out lies as what went in, and says what the model could not see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as untyped_nibabel
import numpy as np
import pydicom
import pytest
from tests.cases import DATA, unpack_cases
from tests.command import Petbench

from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.nifti import StoredImage, read_image
from petbench_datasets.images.nifti_writer import write_image

nibabel: Any = untyped_nibabel
TRUTH_GRID = Grid((10, 16, 14), np.array([[-8.0, 0, 0, 52], [0, -8, 0, 60], [0, 0, 6, -300], [0, 0, 0, 1]]))


def truth(window: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    with np.load(DATA / "cases-truth.npz") as file:
        return np.asarray(file[window])


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_cases("place", tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Petbench:
    """Return a home where run 1 is `identity`, on the grid of the cases."""
    folder = tmp_path_factory.mktemp("trained")
    petbench = Petbench(folder / "home")
    lines = ["participant,early,delayed,units"]
    for number in range(4):
        for window in ("early", "delayed"):
            write_image(folder / f"{number}-{window}.nii.gz", truth(window) * np.float32(1 + number / 10), TRUTH_GRID)
        lines.append(f"{number},{number}-early.nii.gz,{number}-delayed.nii.gz,SUV")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    petbench("datasets", "import", "nifti", folder / "pairs.csv", "--out", folder / "people")
    petbench("datasets", "split", folder / "people")
    petbench("run", "-m", "identity", "-d", folder / "people")
    return petbench


@pytest.mark.slow
@pytest.mark.parametrize("order", ["RAS", "LAS"])
def test_an_image_is_written_in_the_scans_own_voxel_order(
    order: str, trained: Petbench, cases: Path, tmp_path: Path
) -> None:
    scan = cases / "p_stored_ras_and_las" / order / "sub-01" / "pet" / "sub-01_pet.nii.gz"
    trained("predict", "1", scan, "-o", tmp_path / "out.nii.gz")
    before, after = nibabel.load(scan), nibabel.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
    np.testing.assert_allclose(after.affine, before.affine)
    np.testing.assert_allclose(read_image(tmp_path / "out.nii.gz")[0], truth("early"), atol=0.01)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1)])
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_every_order_of_axes_is_restored_to_the_voxel(
    axes: tuple[int, int, int], flips: tuple[int, int, int], tmp_path: Path
) -> None:
    voxels = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for column, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        affine[axis, column] = flip * (2.0 + column)
    affine[:3, 3] = (7, -3, 11)
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "in.nii.gz")
    stored = StoredImage(tmp_path / "in.nii.gz")
    back, grid = stored.order.restore(stored.frame(0))
    stored.close()
    np.testing.assert_array_equal(np.transpose(back), voxels)
    np.testing.assert_allclose(grid.affine, affine)


@pytest.mark.slow
def test_a_scan_wider_than_the_model_is_refused_and_written_only_with_its_share_on_every_page(
    trained: Petbench, cases: Path, tmp_path: Path
) -> None:
    scan = cases / "p_scan_wider_than_model" / "sub-01" / "pet" / "sub-01_pet.nii.gz"
    refused = trained("predict", "1", scan, "-o", tmp_path / "out.nii.gz", code=1)
    image, grid = read_image(scan)
    (left, top) = ((grid.shape[axis] - TRUTH_GRID.shape[axis]) // 2 for axis in (2, 1))
    inside = image[:, top : top + 16, left : left + 14].sum(dtype=np.float64)
    percent = 100 * (1 - inside / image.sum(dtype=np.float64))
    assert f"{percent:.1f} % of the scan's activity lies outside the model's field" in refused.stderr
    assert "--allow outside-field" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    facts = trained.json("predict", "1", scan, "-o", tmp_path / "out.nii.gz", "--allow", "outside-field")
    assert facts["activity_outside_percent"] == pytest.approx(percent, abs=1e-3)
    assert facts["scan_voxel_millimetres"] == facts["model_voxel_millimetres"] == [6, 8, 8]
    sidecar = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert sidecar["Predicted"]["ActivityOutsideModelFieldPercent"] == pytest.approx(percent, abs=1e-3)
    card = json.loads((tmp_path / "out.card.json").read_text(encoding="utf-8"))
    assert card["image"]["activity_outside_percent"] == facts["activity_outside_percent"]
    assert f"{percent:.2f} % of the scan's activity" in (tmp_path / "out.card.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_predicted_image_is_never_read_as_a_measurement(trained: Petbench, cases: Path, tmp_path: Path) -> None:
    scan = cases / "p_stored_ras_and_las" / "RAS" / "sub-01" / "pet" / "sub-01_pet.nii.gz"
    trained("predict", "1", scan, "-o", tmp_path / "sub-01_pet.nii.gz")
    again = trained("predict", "1", tmp_path / "sub-01_pet.nii.gz", "-o", tmp_path / "again.nii.gz", code=1)
    assert "is a predicted image, not a measurement" in again.stderr


@pytest.mark.slow
def test_weight_and_dose_go_before_what_the_scan_says(trained: Petbench, cases: Path, tmp_path: Path) -> None:
    dicom = cases / "d_other_frame_of_reference" / "e"
    said = trained.json("predict", "1", dicom, "-o", tmp_path / "a.nii.gz")
    other = trained.json("predict", "1", dicom, "-o", tmp_path / "b.nii.gz", "--weight", "35", "--dose", "600")
    assert said["early_maximum_suv"] == pytest.approx(truth("early").max(), abs=0.01)
    assert other["early_maximum_suv"] == pytest.approx(said["early_maximum_suv"] / 4, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["bq_per_ml", "suv"])
def test_dicom_in_is_a_valid_derived_series_of_its_study_out(
    unit: str, trained: Petbench, cases: Path, tmp_path: Path
) -> None:
    source, output = cases / "d_other_frame_of_reference" / "e", tmp_path / "series"
    trained("predict", "1", source, "-o", output, "--as", "dicom", "--unit", unit)
    before = {str(header.ImagePositionPatient): header for header in map(pydicom.dcmread, source.glob("*.dcm"))}
    after = [pydicom.dcmread(path) for path in sorted(output.glob("*.dcm"))]
    assert len(after) == len(before) == 10
    for header in after:
        origin = before[str(header.ImagePositionPatient)]
        for name in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "ImageOrientationPatient", "PixelSpacing"):
            assert header[name].value == origin[name].value
        assert header.SeriesInstanceUID != origin.SeriesInstanceUID
        assert header.SOPInstanceUID != origin.SOPInstanceUID
        assert header.ImageType[0] == "DERIVED"
        assert header.DerivationDescription.startswith("Predicted, not measured")
        assert header.SourceImageSequence[0].ReferencedSOPInstanceUID in {h.SOPInstanceUID for h in before.values()}
        index = int((float(header.ImagePositionPatient[2]) + 300) / 6)
        values = header.pixel_array * float(header.RescaleSlope)
        np.testing.assert_allclose(values * suv_of_one(header), truth("early")[index], atol=0.01)
    assert len({header.SeriesInstanceUID for header in after}) == 1
    assert len({header.SOPInstanceUID for header in after}) == 10
    for path in output.glob("*.dcm"):
        assert complaints(path) == []


def suv_of_one(header: Any) -> float:
    """Return the SUV of one stored unit as a workstation computes it from a header with DecayCorrection START."""
    if header.Units == "GML":
        return 1.0
    assert (header.Units, header.DecayCorrection) == ("BQML", "START")
    tracer = header.RadiopharmaceuticalInformationSequence[0]
    clocks = (str(header.SeriesTime), str(tracer.RadiopharmaceuticalStartTime))
    start, injected = (int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:]) for text in clocks)
    assert start - injected == pytest.approx(2520)
    dose = float(tracer.RadionuclideTotalDose) * 2 ** (-(start - injected) / float(tracer.RadionuclideHalfLife))
    return 1000 * float(header.PatientWeight) / dose


def complaints(path: Path) -> list[str]:
    """Return the errors that David Clunie's dciodvfy finds."""
    program = Path(sys.executable).with_name("dciodvfy")
    result = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert "PETImage" in result.stderr + result.stdout
    return [line for line in (result.stderr + result.stdout).splitlines() if line.startswith("Error")]


@pytest.mark.slow
def test_a_predicted_series_is_passed_over_by_the_import(trained: Petbench, cases: Path, tmp_path: Path) -> None:
    source = cases / "d_other_frame_of_reference" / "e"
    trained("predict", "1", source, "-o", tmp_path / "both" / "series", "--as", "dicom")
    refused = trained("datasets", "import", "dicom", tmp_path / "both", "--out", tmp_path / "new", code=1)
    assert "has no PET volume" in refused.stderr
    (tmp_path / "both" / "early").symlink_to(source, target_is_directory=True)
    for path in source.glob("*.dcm"):
        (tmp_path / "both" / path.name).write_bytes(path.read_bytes())
    said = trained("datasets", "import", "dicom", tmp_path / "both", "--out", tmp_path / "new").stdout
    assert "a predicted image, not a measurement" in said


@pytest.mark.slow
def test_an_exported_dataset_is_valid_dicom(trained: Petbench, cases: Path, tmp_path: Path) -> None:
    trained("datasets", "import", "dicom", cases / "d_other_frame_of_reference", "--out", tmp_path / "people")
    trained("datasets", "export", tmp_path / "people", "--as", "dicom", "--out", tmp_path / "dicom")
    files = sorted((tmp_path / "dicom").rglob("*.dcm"))
    assert len(files) == 20
    for path in (files[0], files[-1]):
        assert complaints(path) == []
    header = pydicom.dcmread(files[-1])
    assert list(header.ImageType) == ["DERIVED", "PRIMARY"]
    assert header.CountsSource == "EMISSION"
    average = float(header.FrameReferenceTime) / 1000
    assert float(header.DecayFactor) == pytest.approx(2 ** (average / 6586.2), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["nifti in", "a file's name", "is there", "the scan itself"])
def test_a_series_that_cannot_be_written_is_one_line(case: str, trained: Petbench, cases: Path, tmp_path: Path) -> None:
    scan = cases / "d_other_frame_of_reference" / "e"
    if case == "nifti in":
        scan = cases / "p_stored_ras_and_las" / "RAS" / "sub-01" / "pet" / "sub-01_pet.nii.gz"
    output = tmp_path / ("out.nii.gz" if case == "a file's name" else "out")
    if case == "is there":
        output.mkdir()
    if case == "the scan itself":
        output, before = scan, sorted(scan.iterdir())
        result = trained("predict", "1", scan, "-o", output, "--as", "dicom", "--force", code=2)
        assert sorted(scan.iterdir()) == before
    else:
        result = trained("predict", "1", scan, "-o", output, "--as", "dicom", code=2)
    assert result.stderr.startswith("error:")
    assert result.stderr.count("\n") == 1


# The same cases through import, check and resample


@pytest.mark.slow
def test_a_delayed_scan_that_is_shorter_cuts_the_pair_to_what_both_measured(
    trained: Petbench, cases: Path, tmp_path: Path
) -> None:
    trained("datasets", "import", "dicom", cases / "d_delayed_scan_shorter", "--out", tmp_path / "in")
    said = trained("datasets", "check", tmp_path / "in", code=1).stdout
    assert "14x16x5 voxels instead of 14x16x10, first voxel moved by 12 mm along z (towards the head)" in said
    said = trained("datasets", "resample", tmp_path / "in", "--out", tmp_path / "out").stdout
    early = truth("early")
    share = 100 * (1 - early[2:7].sum(dtype=np.float64) / early.sum(dtype=np.float64))
    assert f"{share:.1f} % of the activity of sub-P01_trc-18FFDG_rec-early_pet.nii.gz" in said
    trained("datasets", "check", tmp_path / "out")
    trained("datasets", "export", tmp_path / "out", "--as", "nifti", "--out", tmp_path / "nifti")
    for window in ("early", "delayed"):
        image, grid = read_image(tmp_path / "nifti" / f"sub-P01_{window}.nii.gz")
        assert grid.shape == (5, 16, 14)
        np.testing.assert_allclose(image, resample(truth(window), TRUTH_GRID, grid), atol=0.01)
        np.testing.assert_allclose(image, truth(window)[2:7], atol=0.01)


@pytest.mark.slow
def test_a_table_that_moved_by_3_mm_is_named_as_that(trained: Petbench, cases: Path, tmp_path: Path) -> None:
    trained("datasets", "import", "dicom", cases / "d_table_3_mm", "--out", tmp_path / "in")
    said = trained("datasets", "check", tmp_path / "in", code=1).stdout
    assert "moved by 3 mm along z (towards the head)" in said
    trained("datasets", "resample", tmp_path / "in", "--out", tmp_path / "out")
    trained("datasets", "check", tmp_path / "out")


@pytest.mark.slow
def test_two_frames_of_reference_are_said_at_import_check_and_resample_and_end_with_registration(
    trained: Petbench, cases: Path, tmp_path: Path
) -> None:
    source, words = cases / "d_other_frame_of_reference", "another frame of reference"
    assert words in trained("datasets", "import", "dicom", source, "--out", tmp_path / "in").stdout
    assert words in trained("datasets", "check", tmp_path / "in").stdout
    assert words in trained("datasets", "resample", tmp_path / "in", "--out", tmp_path / "resampled").stdout
    said = trained("datasets", "register", tmp_path / "in", "--out", tmp_path / "registered").stdout
    assert "look at derivatives/registration/sub-P01/sub-P01_registration.png" in said
    assert words not in trained("datasets", "check", tmp_path / "registered").stdout
    trained("datasets", "export", tmp_path / "registered", "--as", "nifti", "--out", tmp_path / "nifti")
    for window in ("early", "delayed"):
        image, _ = read_image(tmp_path / "nifti" / f"sub-P01_{window}.nii.gz")
        np.testing.assert_allclose(image, truth(window), atol=0.01)
