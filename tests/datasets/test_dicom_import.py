from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from tests.datasets.dicom_writer import (
    PIXELS,
    PLAIN,
    write_pair,
    write_series,
)

from petbench_datasets.bids.participants import read_participants
from petbench_datasets.bids.scan import Given, read_scan
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from pathlib import Path


def test_the_series_of_participants_become_a_dataset(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", "P-1", 1)
    write_pair(tmp_path / "dicom" / "b", "P-2", 2)
    (tmp_path / "dicom" / "notes.txt").write_text("not DICOM")
    write_series(
        tmp_path / "dicom" / "ct", PIXELS, series="9.9", Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"
    )
    report = import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert sorted(image.path.name for image in report.images) == [
        "sub-P1_trc-18FFDG_rec-delayed_pet.nii.gz",
        "sub-P1_trc-18FFDG_rec-early_pet.nii.gz",
        "sub-P2_trc-18FFDG_rec-delayed_pet.nii.gz",
        "sub-P2_trc-18FFDG_rec-early_pet.nii.gz",
    ]
    assert {what for what, _ in report.skipped} == {"CT objects (6)", "files that are not DICOM (1)"}
    dataset = open_dataset(tmp_path / "dataset")
    assert dataset.participants == ("sub-P1", "sub-P2")
    assert dataset.table["sub-P1"]["sex"] == "F"
    assert dataset.table["sub-P1"]["age"] == "61"
    assert (dataset.root / "dataset_description.json").exists()


def test_early_and_delayed_may_come_with_two_imports(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    import_dicom(tmp_path / "dicom" / "early", tmp_path / "dataset")
    import_dicom(tmp_path / "dicom" / "delayed", tmp_path / "dataset")
    assert open_dataset(tmp_path / "dataset").participants == ("sub-P1",)
    with pytest.raises(DataError, match="is there already"):
        import_dicom(tmp_path / "dicom" / "delayed", tmp_path / "dataset")
    assert not list((tmp_path / "dataset").glob(".partial*"))


def test_columns_that_somebody_added_to_the_table_are_kept(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    import_dicom(tmp_path / "dicom" / "early", tmp_path / "dataset")
    table = tmp_path / "dataset" / "participants.tsv"
    lines = table.read_text().splitlines()
    table.write_text(f"{lines[0]}\tsite\n{lines[1]}\tnorth\n")
    import_dicom(tmp_path / "dicom" / "delayed", tmp_path / "dataset")
    assert read_participants(tmp_path / "dataset")["sub-P1"]["site"] == "north"


def test_one_bad_series_stops_the_import_unless_it_may_be_skipped(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "dicom" / "nac", PIXELS, series="5.5", CorrectedImage=["DECY"], SeriesDescription="NAC")
    with pytest.raises(DataError, match="NAC"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    report = import_dicom(tmp_path / "dicom", tmp_path / "dataset", skip_unusable=True)
    assert len(report.images) == 2
    assert any("NAC" in what for what, _ in report.skipped)


def test_two_injections_of_one_participant_are_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", seed=1)
    write_series(tmp_path / "dicom" / "b", PIXELS, series="7.7", RadiopharmaceuticalStartTime="083000")
    with pytest.raises(DataError, match="one injection"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")


def test_slices_of_two_frames_of_reference_are_no_series(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, lambda index: {"FrameOfReferenceUID": f"1.2.{1 + index // 3}"})
    with pytest.raises(DataError, match="its slices differ in frame of reference"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_a_given_weight_and_dose_go_before_the_header_and_are_named_as_what_the_numbers_rest_on(tmp_path: Path) -> None:
    wrong = {"RadionuclideTotalDose": "1", "PatientWeight": "30"}
    write_series(tmp_path / "dicom", PIXELS, lambda index: {"PatientWeight": "31"} if index else {}, **wrong)
    given = Given(weight_kilograms=71.0, injected_bq=200e6)
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset", everyone=given).images
    scan = read_scan(image.path)
    assert scan.calibration is not None
    assert (scan.calibration.weight_kilograms, scan.calibration.injected_bq) == (71.0, 200e6)
    witnesses = [witness for source in scan.sources for witness in source.witnesses]
    assert {"--weight 71", "--dose 200"} <= set(witnesses)
    assert not any("PatientWeight" in witness or "RadionuclideTotalDose" in witness for witness in witnesses)


def test_a_dose_that_is_missing_in_the_header_can_be_given(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS, RadionuclideTotalDose=...)
    with pytest.raises(DataError, match=r"RadionuclideTotalDose .* is missing.*give the dose"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset", doses_becquerel={"P-1": 200e6}).images
    calibration = read_scan(image.path).calibration
    assert calibration is not None
    assert calibration.injected_bq == 200e6


def test_identifiers_that_look_alike_without_punctuation_stay_apart(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom" / "a", "P-1", 1)
    write_pair(tmp_path / "dicom" / "b", "P_1", 2)
    import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert len(open_dataset(tmp_path / "dataset").participants) == 2


def test_no_file_is_named_after_the_person_whose_identifier_is_missing(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom", "", 1)
    for path in (tmp_path / "dicom").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "Doe^Jane"
        dataset.save_as(path)
    import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    (participant,) = open_dataset(tmp_path / "dataset").participants
    assert participant.startswith("sub-unnamed")
    written = [path for path in (tmp_path / "dataset").rglob("*") if path.is_file()]
    assert not [path for path in written if "Doe" in path.name or b"Doe" in path.read_bytes()]


def test_the_same_slice_twice_counts_once(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    shutil.copytree(tmp_path / "dicom", tmp_path / "all" / "one")
    shutil.copytree(tmp_path / "dicom", tmp_path / "all" / "two")
    (image,) = import_dicom(tmp_path / "all", tmp_path / "dataset").images
    assert read_scan(image.path).suv().shape == PIXELS.shape


def test_folders_without_pet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        import_dicom(tmp_path / "nowhere", tmp_path / "dataset")
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "a.txt").write_text("hello")
    with pytest.raises(DataError, match="no DICOM file"):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")


def test_a_folder_that_is_no_dataset_is_not_written_to(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("precious")
    with pytest.raises(DataError, match="is no dataset"):
        import_dicom(tmp_path / "dicom", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.doc"]


def test_a_truncated_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "dicom", PIXELS)
    path = sorted((tmp_path / "dicom").iterdir())[2]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=str(path)):
        import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


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
    (image,) = import_dicom(tmp_path / "dicom", tmp_path / "dataset").images
    assert np.allclose(read_scan(image.path).suv(), PIXELS * PLAIN, rtol=1e-5)


@pytest.mark.parametrize("existing", [False, True], ids=["new folder", "existing dataset"])
def test_a_full_disk_is_one_line_and_leaves_the_dataset_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    write_pair(tmp_path / "dicom")
    if existing:
        import_dicom(tmp_path / "dicom" / "early", tmp_path / "dataset")
    before = sorted(tmp_path.rglob("*"))

    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("petbench_datasets.bids.writer.write_frames", full)
    with pytest.raises(DataError, match="No space left"):
        import_dicom(tmp_path / "dicom" / "delayed", tmp_path / "dataset")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_weight_that_comes_later_fills_the_gap_in_the_table(tmp_path: Path) -> None:
    write_pair(tmp_path / "dicom")
    write_series(tmp_path / "suv", PIXELS, series="8.8", Units="GML", PatientWeight=...)
    import_dicom(tmp_path / "suv", tmp_path / "dataset")
    assert read_participants(tmp_path / "dataset")["sub-P1"]["body_weight"] == ""
    import_dicom(tmp_path / "dicom" / "delayed", tmp_path / "dataset")
    assert float(read_participants(tmp_path / "dataset")["sub-P1"]["body_weight"]) == 70
