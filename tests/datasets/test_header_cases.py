"""Headers as they come from hospitals and converters: each is read right, or refused in one line, by the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from tests.cases import DATA, unpack_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

nib: Any = nibabel
TRUTH = np.load(DATA / "cases-truth.npz")
SUV_TOLERANCE = 0.01


PSMA = """
name = "psma-7-21-to-42-63"
version = 1
summary = "PSMA as FDG is asked"
tracer = "PSMA"
radionuclide = "18F"
early_minutes = [7, 21]
delayed_minutes = [42, 63]
source = "nobody's: for tests"
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_cases("header", tmp_path_factory.mktemp("cases"))


def errors(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("error: ")]


def assert_is_the_truth(folder: Path, kind: str = "") -> None:
    """Compare exported images with the truth at its own points of the world, by the affine alone."""
    for window in ("early", "delayed"):
        truth = TRUTH[f"{kind}{window}"]
        (path,) = folder.rglob(f"*{window}*.nii.gz")
        image = nib.load(path)
        z, y, x = np.indices(truth.shape)
        world = np.stack([52.0 - 8.0 * x, 60.0 - 8.0 * y, 6.0 * z - 300.0, np.ones(truth.shape)])
        index = np.rint(np.einsum("ij,jzyx->izyx", np.linalg.inv(image.affine), world)).astype(int)[:3]
        assert np.abs(np.asarray(image.dataobj)[tuple(index)] - truth).max() < SUV_TOLERANCE


@pytest.mark.parametrize(
    ("case", "options", "note"),
    [
        ("d_series_uid_shared", (), ""),
        ("d_sop_uid_constant", (), ""),
        ("d_injection_in_utc", (), ""),
        ("d_dates_year_1", (), "of a year that no scanner has seen"),
        ("d_series_time_is_study_time", (), "agree, against SeriesTime (0008,0031) 08:50:00"),
        ("d_dynamic_one_acquisition_time", (), "one AcquisitionTime for all beds or frames"),
        ("d_enhanced_beside_classic", ("--skip-unusable",), "Enhanced PET"),
    ],
)
def test_a_dicom_header_is_read_right(
    case: str,
    options: tuple[str, ...],
    note: str,
    cases: Path,
    invoke: Callable[..., tuple[int, str]],
    tmp_path: Path,
) -> None:
    code, said = invoke("datasets", "import", "dicom", cases / case, "--out", tmp_path / "cohort", *options)
    assert code == 0, said
    assert note in said
    assert invoke("datasets", "check", tmp_path / "cohort")[0] == 0
    assert invoke("datasets", "export", tmp_path / "cohort", "--as", "nifti", "--out", tmp_path / "out")[0] == 0
    assert_is_the_truth(tmp_path / "out", "dynamic_" if "dynamic" in case else "")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("d_injection_clock_and_datetime_disagree", ("(0018,1078) 08:40:00", "(0018,1072) 09:00:00")),
        ("d_transfer_cut_short", ("NumberOfSlices (0054,0081) is 10", "7 places")),
        ("d_weight_and_height_swapped", ("1.75 kg", "PatientSize 70", "swapped")),
        ("d_dose_in_kbq", ("RadionuclideTotalDose (0018,1074) is 0.3 MBq", "1155 %")),
        ("d_f18_psma", ("PSMA-1007", "not FDG", "--radionuclide any")),
        ("d_pixel_spacing_negative", ("PixelSpacing (0028,0030) is -8",)),
        ("d_frame_reference_time_huge", ("FrameReferenceTime (0054,1300) is 1e30",)),
        ("d_two_people_one_id", ("PatientID is 'ANON' in 2 studies", "--name a=NAME --name b=NAME")),
        ("d_enhanced_beside_classic", ("Enhanced PET", "--skip-unusable")),
    ],
)
def test_a_dicom_header_is_refused_in_one_line_and_nothing_is_written(
    case: str, words: tuple[str, ...], cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "import", "dicom", cases / case, "--out", tmp_path / "cohort")
    assert code == 1
    (line,) = errors(said)
    assert all(word in line for word in words), line
    assert not (tmp_path / "cohort").exists()


def test_a_tracer_that_was_allowed_is_read_once_its_task_is_named(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    source, cohort = cases / "d_f18_psma", tmp_path / "c"
    code, said = invoke("datasets", "import", "dicom", source, "--out", cohort, "--radionuclide", "any")
    assert code == 0, said
    code, said = invoke("datasets", "check", cohort)
    assert code == 1
    refusal = "PSMA-1007 (TracerName), not FDG: the task fdg-7-21-to-42-63@1 is of F-18 FDG; leave the scan out, or "
    lines = errors(said)
    assert lines
    assert all(refusal in line for line in lines)
    (cohort / "task.toml").write_text(PSMA, encoding="utf-8")
    assert invoke("datasets", "check", cohort)[0] == 0


def test_a_series_of_the_tracer_of_the_task_is_imported(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    (tmp_path / "psma.toml").write_text(PSMA, encoding="utf-8")
    asked = ("--out", tmp_path / "c", "--task", tmp_path / "psma.toml")
    assert invoke("datasets", "import", "dicom", cases / "d_f18_psma", *asked)[0] == 0


def test_a_table_that_moved_is_called_so(cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    invoke("datasets", "import", "dicom", cases / "d_table_3_mm", "--out", tmp_path / "cohort")
    code, said = invoke("datasets", "check", tmp_path / "cohort")
    assert code == 1
    (line,) = errors(said)
    assert "3 mm" in line
    assert "along z" in line


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("b_two_weights", ("70 kg", "90 kg", "participants.tsv", "PatientWeight")),
        ("b_not_attenuation_corrected", ("not corrected for attenuation", "AttenuationCorrection")),
        ("b_two_sessions_half_each", ("09:00:00", "14:20:00", "one injection")),
        ("b_infusion", ("infused", "ModeOfAdministration")),
        ("b_time_as_epoch", ("ImageDecayCorrectionTime is 1615280400",)),
        ("b_injection_start_zero_by_default", ("TimeZero 10:00:00", "RadiopharmaceuticalStartTime 09:00:00")),
    ],
)
def test_a_sidecar_is_refused_by_every_command(
    case: str, words: tuple[str, ...], cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "check", cases / case)
    assert code == 1
    assert any(all(word in line for word in words) for line in errors(said)), said
    code, said = invoke("datasets", "info", cases / case)
    assert code == 1
    (line,) = errors(said)
    assert all(word in line for word in words), line


def test_reconstructions_without_attenuation_correction_are_passed_over(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "check", cases / "b_rec_acstat_nacstat")
    assert code == 0
    assert said.count("(passed over)") == 2
    assert (
        invoke("datasets", "export", cases / "b_rec_acstat_nacstat", "--as", "nifti", "--out", tmp_path / "o")[0] == 0
    )
    assert_is_the_truth(tmp_path / "o")


@pytest.mark.parametrize(
    ("case", "note"),
    [
        ("n_qform_mirrors_sform", "sform and qform put its voxels up to 104 mm apart"),
        ("n_semicolons_and_decimal_commas", ""),
    ],
)
def test_a_table_of_nifti_files_is_read_right(
    case: str, note: str, cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "import", "nifti", cases / case / "pairs.csv", "--out", tmp_path / "cohort")
    assert code == 0, said
    assert note in said
    assert invoke("datasets", "export", tmp_path / "cohort", "--as", "nifti", "--out", tmp_path / "out")[0] == 0
    assert_is_the_truth(tmp_path / "out")


@pytest.mark.parametrize(("case", "word"), [("n_rgb", "colours"), ("n_datatype_unknown", "data code 0")])
def test_a_nifti_file_that_is_no_image_of_activity_is_refused(
    case: str, word: str, cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "import", "nifti", cases / case / "pairs.csv", "--out", tmp_path / "cohort")
    assert code == 1
    (line,) = errors(said)
    assert word in line
    assert line.count("e.nii.gz") == 1
    assert said.strip().splitlines() == [line]  # neither nibabel's log nor its warnings


def test_a_sheared_image_comes_out_with_one_transform(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    source = cases / "n_sheared"
    assert invoke("datasets", "import", "nifti", source / "pairs.csv", "--out", tmp_path / "cohort")[0] == 0
    before = nib.load(source / "e.nii.gz")
    (path,) = (tmp_path / "cohort").rglob("*early_pet.nii.gz")
    after = nib.load(path)
    assert int(after.header["qform_code"]) == 0
    assert np.abs(after.affine @ _index_of(after, before) - before.affine @ [1, 2, 3, 1]).max() < 1e-3


def _index_of(after: Any, before: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the voxel that lies where voxel (1, 2, 3) of the other image lies, and holds the same value."""
    index = np.linalg.inv(after.affine) @ before.affine @ np.array([1, 2, 3, 1])
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max() < 1e-4
    assert np.asarray(after.dataobj)[tuple(whole[:3])] == pytest.approx(np.asarray(before.dataobj)[1, 2, 3])
    return np.asarray(whole, dtype=np.float64)
