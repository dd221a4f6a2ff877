"""Examinations of one person that come with several imports: each becomes a session, or one line says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.datasets.dicom_writer import write_pair

from petbench_datasets.bids.participants import session_row
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARCH = {"SeriesDate": "20200301", "AcquisitionDate": "20200301"}
JUNE = {"SeriesDate": "20200601", "AcquisitionDate": "20200601"}


def exam(folder: Path, seed: int, day: dict[str, str], participant: str = "P-1", **changes: object) -> None:
    write_pair(folder, participant, seed, StudyInstanceUID=f"1.2.{seed}", **day, **changes)


def test_exams_that_come_with_two_imports_become_sessions_where_there_are_sessions(tmp_path: Path) -> None:
    exam(tmp_path / "a" / "1", 1, MARCH)
    exam(tmp_path / "a" / "2", 2, JUNE)
    exam(tmp_path / "b", 3, {"SeriesDate": "20210101", "AcquisitionDate": "20210101"}, PatientAge="062Y")
    import_dicom(tmp_path / "a", tmp_path / "c")
    import_dicom(tmp_path / "b", tmp_path / "c")
    assert open_dataset(tmp_path / "c").participants == ("sub-P1_ses-1", "sub-P1_ses-2", "sub-P1_ses-3")
    assert [session_row(tmp_path / "c", "sub-P1", f"ses-{n}")["age"] for n in (1, 2, 3)] == ["61", "61", "62"]


def test_an_exam_joins_scans_without_a_session_as_the_refusal_says(tmp_path: Path) -> None:
    exam(tmp_path / "a" / "1", 1, MARCH)
    exam(tmp_path / "b" / "2", 2, JUNE, PatientWeight="80")
    import_dicom(tmp_path / "a", tmp_path / "c")
    with pytest.raises(DataError, match="move that folder away, and import all examinations") as caught:
        import_dicom(tmp_path / "b", tmp_path / "c")
    assert f"the scans in {tmp_path / 'c' / 'sub-P1'};" in str(caught.value)
    (tmp_path / "c" / "sub-P1").rename(tmp_path / "away")
    (tmp_path / "b" / "2").rename(tmp_path / "a" / "2")
    import_dicom(tmp_path / "a", tmp_path / "c")
    assert open_dataset(tmp_path / "c").participants == ("sub-P1_ses-1", "sub-P1_ses-2")
    assert session_row(tmp_path / "c", "sub-P1", "ses-2")["body_weight"] == "80.0"


def test_the_second_half_of_an_exam_joins_its_session(tmp_path: Path) -> None:
    exam(tmp_path / "a", 1, MARCH)
    exam(tmp_path / "b", 2, JUNE)
    (tmp_path / "first").mkdir()
    (tmp_path / "a").rename(tmp_path / "first" / "a")
    (tmp_path / "b" / "delayed").rename(tmp_path / "late")
    (tmp_path / "b").rename(tmp_path / "first" / "b")
    import_dicom(tmp_path / "first", tmp_path / "c")
    assert open_dataset(tmp_path / "c").participants == ("sub-P1",)  # one session alone is whole
    (image,) = import_dicom(tmp_path / "late", tmp_path / "c").images
    assert "ses-2" in image.path.name
    assert open_dataset(tmp_path / "c").participants == ("sub-P1_ses-1", "sub-P1_ses-2")


def test_a_person_s_sessions_stay_in_one_part_of_every_split(
    invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    for number in range(4):
        exam(tmp_path / "dicom" / f"{number}a", 10 * number + 1, MARCH, f"P{number}")
        exam(tmp_path / "dicom" / f"{number}b", 10 * number + 2, JUNE, f"P{number}")
    import_dicom(tmp_path / "dicom", tmp_path / "c")
    for seed in range(3):
        name = f"cv{seed}"
        assert invoke("datasets", "split", tmp_path / "c", "--name", name, "--folds", 2, "--seed", seed)[0] == 0
        split = json.loads((tmp_path / "c" / "splits" / f"{name}.json").read_text())
        assert len(split["folds"]) == 2
        for fold in split["folds"]:
            people = [{who.partition("_")[0] for who in fold[part]} for part in ("train", "validation", "test")]
            assert sum(map(len, people)) == len(set.union(*people)) == 4
            assert sum(len(fold[part]) for part in ("train", "validation", "test")) == 8
    assert invoke("datasets", "check", tmp_path / "c")[0] == 0
