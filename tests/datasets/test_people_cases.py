"""Who was examined and when, by the command: people and injections that differ are never paired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pydicom
import pytest
from tests.cases import DATA, unpack_cases
from tests.datasets.dicom_writer import PIXELS, write_pair, write_series

from petbench_datasets.bids.participants import read_participants, session_row
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRUTH = np.load(DATA / "cases-truth.npz")
JUNE = {"SeriesDate": "20200601", "AcquisitionDate": "20200601"}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_cases("people", tmp_path_factory.mktemp("cases"))


def error(output: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    return line


def assert_is_the_truth(pair: object) -> None:
    for window in ("early", "delayed"):
        image = getattr(pair, window)
        assert np.abs(image - TRUTH[window]).max() < 0.01


def test_early_of_march_and_delayed_of_june_are_not_paired_across_imports(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "d_two_exams_in_two_imports"
    assert invoke("datasets", "import", "dicom", case / "march", "--out", tmp_path / "c")[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()}
    code, said = invoke("datasets", "import", "dicom", case / "june", "--out", tmp_path / "c")
    assert code == 1
    assert "is of another injection than the scans in" in error(said)
    assert "becomes a session" in error(said)
    assert {path: path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()} == before


def test_halves_of_two_exams_in_one_import_are_not_paired(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "d_two_exams_in_two_imports"
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c")
    assert code == 1
    assert "are of injections on two days" in error(said)
    assert not (tmp_path / "c").exists()


def test_two_exams_of_one_patient_are_two_sessions_each_a_pair(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case, dataset = cases / "d_two_exams_of_one_patient", tmp_path / "c"
    assert invoke("datasets", "import", "dicom", case, "--out", dataset)[0] == 0
    assert invoke("datasets", "check", dataset)[0] == 0
    opened = open_dataset(dataset)
    assert opened.participants == ("sub-P01_ses-1", "sub-P01_ses-2")
    assert opened.people == ("sub-P01",)
    assert_is_the_truth(opened.pair("sub-P01_ses-1"))
    assert read_participants(dataset).keys() == {"sub-P01"}
    code, said = invoke("datasets", "info", dataset, "--explain", "P01_ses-2")
    assert code == 0, said
    assert said.count("ses-2/pet/") == 2
    assert "ses-1" not in said
    assert session_row(dataset, "sub-P01", "ses-2")["age"] == "50"


@pytest.mark.parametrize("form", ["nifti", "bids", "dicom"])
def test_sessions_come_back_from_every_export(
    form: str, cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    invoke("datasets", "import", "dicom", cases / "d_two_exams_of_one_patient", "--out", tmp_path / "c")
    assert invoke("datasets", "export", tmp_path / "c", "--as", form, "--out", tmp_path / "out")[0] == 0
    back = tmp_path / "out"
    if form != "bids":
        source = tmp_path / "out" / "pairs.tsv" if form == "nifti" else tmp_path / "out"
        code, said = invoke("datasets", "import", form, source, "--out", tmp_path / "back")
        assert code == 0, said
        back = tmp_path / "back"
    opened, again = open_dataset(tmp_path / "c"), open_dataset(back)
    assert again.participants == ("sub-P01_ses-1", "sub-P01_ses-2")
    for name in again.participants:
        assert np.abs(again.pair(name).early - opened.pair(name).early).max() < 0.01
        assert np.abs(again.pair(name).delayed - opened.pair(name).delayed).max() < 0.01


def test_patients_without_an_identifier_are_named_by_their_folders(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "d_no_patient_id"
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c")
    assert code == 1
    assert "--name a=NAME --name b=NAME" in error(said)
    named = ("--name", "a=A1", "--name", "b=B1")
    assert invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c", *named)[0] == 0
    assert open_dataset(tmp_path / "c").participants == ("sub-A1", "sub-B1")
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "d", "--name", "c=A1")
    assert code == 1
    assert "no participant is called 'c'" in error(said)


@pytest.mark.parametrize(
    "choice", [("--series", "pet ac"), ("--reconstruction", "psf+tof"), ("--series", "*AC*", "--series", "nothing")]
)
def test_one_of_two_reconstructions_is_chosen(
    choice: tuple[str, ...], cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "d_two_reconstructions"
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c")
    assert code == 1
    assert "'PET AC' and 'PET PSF+TOF'" in error(said)
    assert not (tmp_path / "c").exists()
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c", *choice)
    assert code == 0, said
    assert said.count("left out:") == 2
    (early,) = (tmp_path / "c").rglob("*rec-early_pet.json")
    wanted = "PET PSF+TOF" if "psf+tof" in choice else "PET AC"
    assert json.loads(early.read_text())["SeriesDescription"] == wanted
    if wanted == "PET AC":
        assert_is_the_truth(open_dataset(tmp_path / "c").pair("sub-P01"))


@pytest.mark.parametrize("option", [("--series", "nothing"), ("--reconstruction", "nothing")])
def test_a_choice_that_fits_nothing_is_refused_with_what_there_is(
    option: tuple[str, str], cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "d_two_reconstructions"
    code, said = invoke("datasets", "import", "dicom", case, "--out", tmp_path / "c", *option)
    assert code == 1
    assert "PET AC, PET PSF+TOF" in error(said)


def test_labels_on_the_ct_grid_are_found_by_check_and_resampled_when_asked(
    cases: Path, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case = cases / "b_labels_on_ct_grid"
    code, said = invoke("datasets", "check", case)
    assert code == 1
    assert "lies elsewhere than the PET images" in error(said)
    assert "petbench datasets resample" in error(said)
    assert invoke("datasets", "resample", case, "--to", "early", "--out", tmp_path / "c")[0] == 0
    assert invoke("datasets", "check", tmp_path / "c")[0] == 0
    opened = open_dataset(tmp_path / "c")
    found = opened.labels("sub-01")
    assert found is not None
    (path,) = case.rglob("*dseg.nii.gz")
    source: Any = nibabel.load(path)
    z, y, x = np.indices(opened.grid("sub-01").shape)
    world = np.einsum("ij,jzyx->izyx", opened.grid("sub-01").affine, np.stack([x, y, z, np.ones_like(x)]))
    index = np.rint(np.einsum("ij,jzyx->izyx", np.linalg.inv(source.affine), world)).astype(int)[:3]
    inside = np.all([(i >= 0) & (i < n) for i, n in zip(index, source.shape, strict=True)], axis=0)
    nearest = np.where(inside, np.asarray(source.dataobj)[tuple(np.where(inside, index, 0))], 0)
    assert np.mean(found[0] == nearest) > 0.99  # a voxel's centre may lie half way between two


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PatientSex": "M"}, "of sex F there but M"),
        ({"PatientAge": "031Y"}, "is 61 years old there but 31 years old"),
        ({"PatientWeight": "90"}, "weighs 70.0 kg there but 90.0 kg"),
    ],
)
def test_another_person_of_the_same_identifier_is_refused_across_imports(
    changes: dict[str, str], said: str, tmp_path: Path
) -> None:
    write_pair(tmp_path / "dicom")
    write_pair(tmp_path / "other", "P-1", 0, **changes)
    import_dicom(tmp_path / "dicom" / "early", tmp_path / "c")
    with pytest.raises(DataError, match=said):
        import_dicom(tmp_path / "other" / "delayed", tmp_path / "c")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PatientSex": "M"}, "PatientSex is F and M"),
        ({"PatientAge": "031Y"}, "PatientAge is 61 and 31 years"),
        ({"PatientBirthDate": "19890101"}, "PatientBirthDate differs"),
    ],
)
def test_another_person_of_the_same_identifier_is_refused_in_one_import(
    changes: dict[str, str], said: str, tmp_path: Path
) -> None:
    write_pair(tmp_path / "a", seed=1, PatientBirthDate="19590101")
    write_pair(tmp_path / "b", "P-1", 2, **{"PatientBirthDate": "19590101", **JUNE, **changes})
    with pytest.raises(DataError, match=said):
        import_dicom(tmp_path, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_identifiers_that_look_alike_stay_apart_across_imports(tmp_path: Path) -> None:
    for number, identifier in enumerate(("P-1", "P_1", "p1")):
        write_pair(tmp_path / str(number), identifier, number)
        import_dicom(tmp_path / str(number), tmp_path / "c")
    names = open_dataset(tmp_path / "c").participants
    assert len({name.lower() for name in names}) == 3
    write_series(
        tmp_path / "again", PIXELS, series="9.9", PatientID="P_1", SeriesTime="120000", AcquisitionTime="120000"
    )
    (image,) = import_dicom(tmp_path / "again", tmp_path / "c").images
    (owner,) = [name for name in names if name.startswith("sub-P1x")]
    assert image.participant == owner  # and not the one whose name is free of a hash


def test_no_identifier_name_date_or_uid_is_written(tmp_path: Path) -> None:
    secret = {
        "PatientID": "4711-0815", "PatientBirthDate": "19590317", "StudyInstanceUID": "1.2.826.9.8",
        "SeriesDate": "20200301", "AcquisitionDate": "20200301",
    }  # fmt: skip
    write_pair(tmp_path / "dicom", secret.pop("PatientID"), 0, **secret)
    secret["PatientID"] = "4711-0815"
    for path in (tmp_path / "dicom").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "Doe^Jane"
        dataset.save_as(path)
    import_dicom(tmp_path / "dicom", tmp_path / "c", names={"4711-0815": "A"})
    for path in (tmp_path / "c").rglob("*"):
        text = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        assert not [word for word in (*secret.values(), "Doe", "2020-03-01", "47110815") if word.encode() in text], path
    sidecar = json.loads(next((tmp_path / "c").rglob("*early_pet.json")).read_text())
    assert all(len(sidecar[f"Source{what}"]) == 16 for what in ("Patient", "Study", "InjectionDay"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "MIP"]}, "maximum projection"),
        ({"SeriesDescription": "MIP coronal"}, "maximum projection"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformatted copy"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "derived from another series"),
        ({"ImageType": ["DERIVED", "SECONDARY"], "CorrectedImage": ["DECY"]}, "no ATTN in CorrectedImage"),
    ],
)
def test_derived_series_beside_measured_ones_are_passed_over_with_a_word(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "dicom" / "more", PIXELS, series="7.7", **changes)
    report = import_dicom(tmp_path / "dicom", tmp_path / "c")
    assert len(report.images) == 2
    assert any(why in reason for _, reason in report.skipped)


def test_one_slice_alone_is_no_volume(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "dicom" / "more", PIXELS[:1], series="7.7")
    report = import_dicom(tmp_path / "dicom", tmp_path / "c")
    assert [reason for _, reason in report.skipped] == ["one slice, not a volume"]


def test_a_derived_series_is_used_where_nothing_else_measured_its_time(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom", ImageType=["DERIVED", "PRIMARY"])
    assert len(import_dicom(tmp_path / "dicom", tmp_path / "c").images) == 2
