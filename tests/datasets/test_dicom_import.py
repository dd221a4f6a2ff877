from __future__ import annotations

import datetime as dt
import errno
import math
import shutil
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pydicom
import pytest
from tests.datasets.dicom_writer import write_series

from petbench_datasets.bids import read_scan
from petbench_datasets.cohort import open_cohort
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.dicom_headers import moment, parse_datetime
from petbench_datasets.nifti import read_image
from petbench_datasets.participants import read_participants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.bids import Scan

nib: Any = nibabel
HALF_LIFE = 6586.2
PIXELS = np.random.default_rng(0).integers(100, 30000, (6, 4, 5)).astype(np.int16)
SEVEN_MINUTES = 2 ** (420 / HALF_LIFE)  # decay from injection at 10:00 to the scan's start at 10:07
PLAIN = 2.0 * 70000.0 / 250e6 * SEVEN_MINUTES  # SUV of one stored value of a series without changes


def imported(tmp_path: Path, each: Callable[[int], dict[str, Any]] | None = None, **changes: Any) -> Scan:
    write_series(tmp_path / "dicom", PIXELS, each, **changes)
    report = import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    assert len(report.images) == 1
    return read_scan(report.images[0].path)


def suv_per_value(tmp_path: Path, each: Callable[[int], dict[str, Any]] | None = None, **changes: Any) -> float:
    suv = imported(tmp_path, each, **changes).suv()
    ratio = suv / PIXELS
    assert ratio.std() < 1e-4 * ratio.mean()
    return float(ratio.mean())


# The published reference objects and a real scan.


@pytest.mark.parametrize(
    "name", ["DRO_0_0", "DRO_1_0", "DRO_2_0", "DRO_2_4", "DRO_3_0", "DRO_3_2", "DRO_4_0", "DRO_4_2", "DRO_5_0"]
)
def test_the_reference_objects_have_their_published_suv(
    name: str, real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    source = real_data("ibsi_suv_dro") / "ibsi_suv_dro" / name
    radionuclide = "Ga68" if name == "DRO_5_0" else "F18"
    scan = read_scan(import_dicom(source, tmp_path / "cohort", radionuclide=radionuclide).images[0].path)
    mask, grid = read_image(source / "mask" / "DRO_mask.nii.gz")
    assert grid.matches(scan.grid)
    inside = scan.suv()[mask > 0]
    assert (inside.min(), np.median(inside), inside.max()) == pytest.approx((0.2, 1.0, 4.0), abs=0.01)


def test_gallium_is_refused_where_fluorine_is_required(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Ga68, not F18"):
        import_dicom(real_data("ibsi_suv_dro") / "ibsi_suv_dro" / "DRO_5_0", tmp_path / "cohort")
    assert not (tmp_path / "cohort").exists()


def test_the_real_ge_scan_has_its_published_suv(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    source = real_data("sts_001_fdg_pet_dicom") / "sts_001_fdg_pet_dicom"
    report = import_dicom(source, tmp_path / "cohort")
    scan = read_scan(report.images[0].path)
    assert scan.calibration is not None
    assert scan.calibration.injected_bq == pytest.approx(388.8e6, rel=1e-3)
    assert scan.calibration.weight_kilograms == 71
    suv = scan.suv()
    assert suv.shape == (267, 128, 128)
    assert suv.max() == pytest.approx(66.52, abs=0.01)
    in_view = float(suv.sum(dtype=np.float64)) * scan.grid.voxel_millilitres / 71000.0
    assert in_view == pytest.approx(0.66, abs=0.01)
    # Anonymisation left one AcquisitionTime for six beds: the doubt is told, the series time is used.
    assert any("one AcquisitionTime" in note for note in report.images[0].notes)
    same, _ = read_image(real_data("sts_001_bids_pet") / "bids/sub-sts001/pet/sub-sts001_trc-18FFDG_pet.nii.gz")
    half_a_step = float(same.max()) / 65535 / 2  # the other conversion is kept as 16-bit integers
    assert np.abs(scan.activity(0) - same).max() < 1.02 * half_a_step


# Units, dose, weight, corrections.


def test_activity_becomes_suv(tmp_path: Path) -> None:
    assert suv_per_value(tmp_path) == pytest.approx(PLAIN, rel=1e-6)


def test_every_slice_has_its_own_slope_and_intercept(tmp_path: Path) -> None:
    scan = imported(tmp_path, lambda index: {"RescaleSlope": str(1 + index), "RescaleIntercept": str(10 * index)})
    slopes = np.arange(1, 7)[:, None, None]
    expected = (PIXELS * slopes + 10 * (slopes - 1)) * PLAIN / 2.0
    assert np.allclose(scan.suv(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"RadionuclideTotalDose": "250"}, PLAIN),
        ({"PatientWeight": "70000"}, PLAIN),
        ({"DecayCorrection": "ADMIN"}, PLAIN / SEVEN_MINUTES),
        ({"RadionuclideHalfLife": "6588"}, 2.0 * 70000.0 / 250e6 * 2 ** (420 / 6588)),
        ({"Units": "GML"}, 2.0),
        ({"Units": "GML", "SUVType": "BW"}, 2.0),
        ({"Units": "GML", "SUVType": "LBM"}, 2.0 * 70 / (1.07 * 70 - 148 * (70 / 170) ** 2)),
        (
            {"Units": "GML", "SUVType": "LBMJAMES128", "PatientSex": "M"},
            2.0 * 70 / (1.10 * 70 - 128 * (70 / 170) ** 2),
        ),
        (
            {"Units": "GML", "SUVType": "LBMJANMA", "PatientSex": "M"},
            2.0 * 70 / (9270 * 70 / (6680 + 216 * 70 / 1.7**2)),
        ),
        ({"Units": "GML", "SUVType": "IBW"}, 2.0 * 70 / (45.5 + 0.91 * 18)),
        ({"Units": "CM2ML"}, 2.0 * 70000 / (0.007184 * 70**0.425 * 170**0.725 * 1e4)),
        ({"Units": "CNTS", "private": {(0x7053, 0x1000): ("DS", "0.001")}}, 0.002),
        ({"Units": "CNTS", "private": {(0x7053, 0x1000): ("UN", b"0.001 ")}}, 0.002),
        ({"Units": "CNTS", "private": {(0x7053, 0x1009): ("DS", "3")}}, 3 * PLAIN),
        (
            {"Units": "CPS", "CorrectedImage": ["DECY", "ATTN", "DCAL"], "DoseCalibrationFactor": "4"},
            4 * PLAIN,
        ),
    ],
    ids=str,
)
def test_units_doses_and_decay_references(tmp_path: Path, changes: dict[str, Any], factor: float) -> None:
    assert suv_per_value(tmp_path, **changes) == pytest.approx(factor, rel=1e-5)


def test_an_uncorrected_series_is_brought_to_the_injection(tmp_path: Path) -> None:
    rate = math.log(2) / HALF_LIFE
    to_start = rate * 840 / (1 - math.exp(-rate * 840))
    changes: dict[str, Any] = {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"]}
    assert suv_per_value(tmp_path, **changes) == pytest.approx(PLAIN * to_start, rel=1e-6)


def test_uncorrected_beds_are_each_brought_to_the_injection_from_their_own_time(tmp_path: Path) -> None:
    rate = math.log(2) / HALF_LIFE

    def bed(index: int) -> dict[str, Any]:
        return {"AcquisitionTime": "100700" if index < 3 else "101000", "ActualFrameDuration": 180000}

    scan = imported(tmp_path, bed, DecayCorrection="NONE", CorrectedImage=["ATTN"])
    in_frame = rate * 180 / (1 - math.exp(-rate * 180))
    starts = np.repeat([420.0, 600.0], 3)[:, None, None]
    expected = PIXELS * 2.0 * 70000 / 250e6 * in_frame * np.exp(rate * starts)
    assert np.allclose(scan.suv(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.130"}, "Enhanced PET"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128.1"}, "Legacy Converted"),
        ({"CorrectedImage": ["DECY"]}, "attenuation"),
        ({"CorrectedImage": ...}, "attenuation"),
        ({"CorrectedImage": ["ATTN"]}, "DECY"),
        ({"DecayCorrection": ...}, "DecayCorrection"),
        ({"Units": "PROPCNTS"}, "PROPCNTS"),
        ({"Units": "1CM"}, "1CM"),
        ({"Units": "CPS"}, "CPS"),
        ({"Units": "CNTS"}, "7053"),
        ({"Units": ...}, "missing"),
        ({"RadionuclideTotalDose": ...}, "RadionuclideTotalDose"),
        ({"RadionuclideTotalDose": "0"}, "RadionuclideTotalDose"),
        ({"PatientWeight": ...}, "PatientWeight"),
        ({"PatientWeight": "0"}, "PatientWeight"),
        ({"RadiopharmaceuticalStartTime": ...}, "injection time"),
        ({"Nuclide": ("C-163A8", "^177^Lutetium"), "RadionuclideHalfLife": "574300"}, "Lu177|Lutetium177"),
        ({"Nuclide": ("C-131A1", "^68^Gallium"), "RadionuclideHalfLife": "4062.6"}, "Ga68"),
        ({"RadionuclideHalfLife": "4062.6"}, "RadionuclideHalfLife"),
        ({"Nuclide": ..., "RadionuclideHalfLife": ..., "Radiopharmaceutical": "X"}, "radionuclide"),
        ({"SeriesType": ["GATED", "IMAGE"]}, "gated"),
        ({"Units": "GML", "SUVType": "LBM", "PatientSize": ...}, "PatientSize"),
        ({"Units": "GML", "SUVType": "IBW", "PatientSex": "O"}, "sex"),
        ({"ActualFrameDuration": ...}, "ActualFrameDuration"),
    ],
    ids=str,
)
def test_what_cannot_be_trusted_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    write_series(tmp_path / "dicom", PIXELS, **changes)
    with pytest.raises(DataError, match=words) as caught:
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "dicom") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["dicom"]


def test_a_weight_given_with_the_import_goes_before_the_header(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, PatientWeight=...)
    report = import_dicom(tmp_path / "dicom", tmp_path / "cohort", weights_kilograms={"P-1": 35.0})
    assert np.allclose(read_scan(report.images[0].path).suv(), PIXELS * PLAIN / 2, rtol=1e-5)


# Times.


@pytest.mark.parametrize(
    ("changes", "elapsed"),
    [
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20200101095500"}, 720),
        ({"RadiopharmaceuticalStartDateTime": "20200101095500.000+0100"}, 720),
        # A date-time that belongs to another day: anonymisation. Its clock still counts.
        ({"RadiopharmaceuticalStartTime": ..., "RadiopharmaceuticalStartDateTime": "20190501095500"}, 720),
        ({"RadiopharmaceuticalStartDateTime": "20190501095500"}, 420),
        ({"SeriesTime": "001000", "AcquisitionTime": "001000", "RadiopharmaceuticalStartTime": "235000"}, 1200),
        ({"RadiopharmaceuticalStartTime": "1000"}, 420),
        # The series time lies after the acquisition: GE's and Siemens's own, then FrameReferenceTime, decide.
        ({"SeriesTime": "103000", "private": {(0x0009, 0x100D): ("LO", "20200101100700.00")}}, 420),
        ({"SeriesTime": "103000", "private": {(0x0071, 0x1022): ("DT", "20200101100600.00")}}, 360),
        ({"SeriesTime": "103000", "ActualFrameDuration": 1000, "FrameReferenceTime": "60500"}, 360),
        ({"SeriesTime": "103000", "FrameReferenceTime": ...}, 420),
        # A series time before the acquisition is the scan's start, to which all is corrected.
        ({"SeriesTime": "100300"}, 180),
    ],
    ids=str,
)
def test_the_decay_reference_is_found(tmp_path: Path, changes: dict[str, Any], elapsed: float) -> None:
    expected = PLAIN / SEVEN_MINUTES * 2 ** (elapsed / HALF_LIFE)
    assert suv_per_value(tmp_path, **changes) == pytest.approx(expected, rel=1e-5)


def test_times_are_read_as_old_and_new_files_write_them() -> None:
    expected = dt.datetime(2020, 1, 2, 9, 5, 7, 250000)
    assert moment("20200102", "090507.25") == moment("2020.01.02", "09:05:07.250000") == expected
    assert parse_datetime("20200102090507.25-0500") == expected
    assert moment("20200102", "") is None
    assert moment("", "090507") is None
    assert parse_datetime("20200102") is None


def test_an_injection_that_cannot_belong_to_the_scan_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, RadiopharmaceuticalStartTime="110000")
    with pytest.raises(DataError, match="cannot be one scan"):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")


def test_beds_make_one_image_from_the_first_start_to_the_last_end(tmp_path: Path) -> None:
    def bed(index: int) -> dict[str, Any]:
        number = index // 2
        return {"AcquisitionTime": f"10{7 + 4 * number:02d}00", "ActualFrameDuration": 240000}

    scan = imported(tmp_path, bed)
    assert [(frame.start_seconds, frame.duration_seconds) for frame in scan.frames] == [(420.0, 720.0)]
    assert np.allclose(scan.suv(), PIXELS * PLAIN, rtol=1e-5)


def test_an_unlike_decay_factor_is_told(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, DecayFactor="1.2")
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "cohort").images
    assert any("DecayFactor" in note for note in image.notes)


# Frames.


@pytest.mark.parametrize("told_by", ["AcquisitionTime", "FrameReferenceTime", "TemporalPositionIdentifier"])
def test_a_dynamic_series_becomes_a_dynamic_image(tmp_path: Path, told_by: str) -> None:
    movie = np.random.default_rng(1).integers(1, 9999, (3, 4, 4, 5)).astype(np.int16)

    def place(number: int) -> dict[str, Any]:
        frame, index = divmod(number, 4)
        fields: dict[str, Any] = {
            "ImagePositionPatient": [-7.5, -7.5, 4.0 * index],
            "ActualFrameDuration": 600000,
            "FrameReferenceTime": str(600000 * frame),
            "AcquisitionTime": f"10{10 * frame:02d}00",
        }
        if told_by == "FrameReferenceTime":
            fields["AcquisitionTime"] = "100000"  # anonymisation left one
        if told_by == "TemporalPositionIdentifier":
            fields["TemporalPositionIdentifier"] = frame + 1
        return fields

    shuffled = np.random.default_rng(2).permutation(12)
    flat = movie.reshape(12, 4, 5)[shuffled]
    write_series(
        tmp_path / "dicom",
        flat,
        lambda number: place(int(shuffled[number])),
        SeriesType=["DYNAMIC", "IMAGE"],
        SeriesTime="100000",
        RadiopharmaceuticalStartTime="100010",
    )
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "cohort").images
    scan = read_scan(image.path)
    assert [frame.start_seconds for frame in scan.frames] == [-10.0, 590.0, 1190.0]
    factor = 2.0 * 70000 / 250e6 * 2 ** (-10 / HALF_LIFE)
    assert np.allclose(scan.suv(), movie * factor, rtol=1e-5)
    assert "rec-dynamic" in image.path.name


def test_slices_lie_where_the_header_says(tmp_path: Path) -> None:
    # Feet first in the file, columns running to the right: compare with an affine worked out by hand.
    def place(index: int) -> dict[str, Any]:
        return {
            "ImagePositionPatient": [30.0, -40.0, 100.0 - 4.0 * index],
            "ImageOrientationPatient": [-1, 0, 0, 0, 1, 0],
            "PixelSpacing": [5.0, 3.0],
        }

    scan = imported(tmp_path, place)
    image = nib.load(scan.path)
    slice_, row, column = 4, 2, 3
    left, posterior, superior = 30.0 - 3.0 * column, -40.0 + 5.0 * row, 100.0 - 4.0 * slice_
    world = np.array([-left, -posterior, superior, 1.0])
    x, y, z = np.rint(np.linalg.solve(image.affine, world)[:3]).astype(int)
    assert image.get_fdata()[x, y, z] == pytest.approx(2.0 * PIXELS[slice_, row, column])


def test_a_stack_across_the_body_is_turned_to_patient_order(tmp_path: Path) -> None:
    scan = imported(
        tmp_path,
        lambda index: {
            "ImagePositionPatient": [-10.0, 4.0 * index, 50.0],
            "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
        },
    )
    assert scan.grid.shape == (4, 6, 5)
    assert np.allclose(scan.activity(0), 2.0 * PIXELS.transpose(1, 0, 2)[::-1])


def test_jitter_of_the_table_is_tolerated(tmp_path: Path) -> None:
    wobble = [0.0, 0.05, -0.05, 0.08, 0.0, 0.02]
    scan = imported(tmp_path, lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * index + wobble[index]]})
    assert scan.grid.spacing_millimetres[0] == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(
    ("each", "words"),
    [
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * (index + (index > 2))]}, "missing"),
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * min(index, 4)]}, "whole frames"),
        (lambda index: {"ImagePositionPatient": [-7.5, -7.5, 4.0 * (index // 2)]}, "one place and time"),
        (lambda index: {"PixelSpacing": [5, 5 if index else 6]}, "differs"),
        (lambda index: {"Units": "GML" if index else "BQML"}, "two series"),
        (lambda index: {"PatientWeight": "70" if index else "71"}, "two series"),
    ],
)
def test_slices_that_are_no_stack_are_refused(
    tmp_path: Path, each: Callable[[int], dict[str, Any]], words: str
) -> None:
    write_series(tmp_path / "dicom", PIXELS, each)
    with pytest.raises(DataError, match=words):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")


# Folders, patients, cohorts.


def write_pair(folder: Path, patient: str = "P-1", seed: int = 0, **changes: Any) -> None:
    pixels = np.random.default_rng(seed).integers(100, 30000, (2, 6, 4, 5)).astype(np.int16)
    common: dict[str, Any] = {"PatientID": patient, **changes}
    write_series(folder / "early", pixels[0], series=f"1.2.{seed}.1", **common)
    late: dict[str, Any] = {"SeriesTime": "104200", "AcquisitionTime": "104200", "ActualFrameDuration": 1260000}
    write_series(folder / "late", pixels[1], series=f"1.2.{seed}.2", **common, **late)


def test_the_series_of_patients_become_a_cohort(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", "P-1", 1)
    write_pair(tmp_path / "dicom" / "b", "P-2", 2)
    (tmp_path / "dicom" / "notes.txt").write_text("not DICOM")
    write_series(
        tmp_path / "dicom" / "ct", PIXELS, series="9.9", Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"
    )
    report = import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    assert sorted(image.path.name for image in report.images) == [
        "sub-P1_trc-18FFDG_rec-delayed_pet.nii.gz",
        "sub-P1_trc-18FFDG_rec-early_pet.nii.gz",
        "sub-P2_trc-18FFDG_rec-delayed_pet.nii.gz",
        "sub-P2_trc-18FFDG_rec-early_pet.nii.gz",
    ]
    assert {what for what, _ in report.skipped} == {"6 CT objects", "1 files that are not DICOM"}
    cohort = open_cohort(tmp_path / "cohort")
    assert cohort.participants == ("sub-P1", "sub-P2")
    assert cohort.table["sub-P1"]["sex"] == "F"
    assert cohort.table["sub-P1"]["age"] == "61"
    assert (cohort.root / "dataset_description.json").exists()


def test_early_and_delayed_may_come_with_two_imports(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    import_dicom(tmp_path / "dicom" / "early", tmp_path / "cohort")
    import_dicom(tmp_path / "dicom" / "late", tmp_path / "cohort")
    assert open_cohort(tmp_path / "cohort").participants == ("sub-P1",)
    with pytest.raises(DataError, match="is there already"):
        import_dicom(tmp_path / "dicom" / "late", tmp_path / "cohort")
    assert not list((tmp_path / "cohort").glob(".partial*"))


def test_columns_that_somebody_added_to_the_table_are_kept(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    import_dicom(tmp_path / "dicom" / "early", tmp_path / "cohort")
    table = tmp_path / "cohort" / "participants.tsv"
    lines = table.read_text().splitlines()
    table.write_text(f"{lines[0]}\tsite\n{lines[1]}\tnorth\n")
    import_dicom(tmp_path / "dicom" / "late", tmp_path / "cohort")
    assert read_participants(tmp_path / "cohort")["sub-P1"]["site"] == "north"


def test_one_bad_series_stops_the_import_unless_it_may_be_skipped(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "dicom" / "nac", PIXELS, series="5.5", CorrectedImage=["DECY"], SeriesDescription="NAC")
    with pytest.raises(DataError, match="NAC"):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    report = import_dicom(tmp_path / "dicom", tmp_path / "cohort", skip_unusable=True)
    assert len(report.images) == 2
    assert any("NAC" in what for what, _ in report.skipped)


def test_two_injections_of_one_patient_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", seed=1)
    write_series(tmp_path / "dicom" / "b", PIXELS, series="7.7", RadiopharmaceuticalStartTime="083000")
    with pytest.raises(DataError, match="one injection"):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")


def test_identifiers_that_look_alike_without_punctuation_stay_apart(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", "P-1", 1)
    write_pair(tmp_path / "dicom" / "b", "P_1", 2)
    import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    assert len(open_cohort(tmp_path / "cohort").participants) == 2


def test_the_same_slice_twice_counts_once(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    shutil.copytree(tmp_path / "dicom", tmp_path / "all" / "one")
    shutil.copytree(tmp_path / "dicom", tmp_path / "all" / "two")
    (image,) = import_dicom(tmp_path / "all", tmp_path / "cohort").images
    assert read_scan(image.path).suv().shape == PIXELS.shape


def test_folders_without_pet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        import_dicom(tmp_path / "nowhere", tmp_path / "cohort")
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "a.txt").write_text("hello")
    with pytest.raises(DataError, match="no DICOM file"):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")


def test_a_folder_that_is_no_cohort_is_not_written_to(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("precious")
    with pytest.raises(DataError, match="is no cohort"):
        import_dicom(tmp_path / "dicom", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.doc"]


def test_a_truncated_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    path = sorted((tmp_path / "dicom").iterdir())[2]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=str(path)):
        import_dicom(tmp_path / "dicom", tmp_path / "cohort")
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize("meta", [True, False], ids=["with meta", "bare"])
def test_files_without_the_preamble_are_read(tmp_path: Path, meta: bool) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    for path in (tmp_path / "dicom").iterdir():
        if meta:
            path.write_bytes(path.read_bytes()[132:])
        else:
            bare = pydicom.Dataset()
            bare.update(pydicom.dcmread(path))
            bare.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "cohort").images
    assert np.allclose(read_scan(image.path).suv(), PIXELS * PLAIN, rtol=1e-5)


@pytest.mark.parametrize("existing", [False, True], ids=["new folder", "existing cohort"])
def test_a_full_disk_is_one_line_and_leaves_the_cohort_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    write_pair(tmp_path / "dicom")
    if existing:
        import_dicom(tmp_path / "dicom" / "early", tmp_path / "cohort")
    before = sorted(tmp_path.rglob("*"))

    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("petbench_datasets.importers.bids_writer.write_frames", full)
    with pytest.raises(DataError, match="No space left"):
        import_dicom(tmp_path / "dicom" / "late", tmp_path / "cohort")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_weight_that_comes_later_fills_the_gap_in_the_table(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "suv", PIXELS, series="8.8", Units="GML", PatientWeight=...)
    import_dicom(tmp_path / "suv", tmp_path / "cohort")
    assert read_participants(tmp_path / "cohort")["sub-P1"]["body_weight"] == ""
    import_dicom(tmp_path / "dicom" / "late", tmp_path / "cohort")
    assert float(read_participants(tmp_path / "cohort")["sub-P1"]["body_weight"]) == 70
