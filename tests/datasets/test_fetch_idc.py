"""Cohorts of the Imaging Data Commons: the real index, and series from a host that speaks S3, brought by s5cmd."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import duckdb
import idc_index_data
import numpy as np
import pytest
from tests.datasets.dicom_writer import write_series
from tests.datasets.hub_stand_in import read_folder
from tests.datasets.s3_stand_in import Bucket, serving
from tests.datasets.test_fetch_failures import line_of

from petbench_cohorts.idc import Collection, _raise, series_of
from petbench_cohorts.plugin import petbench_datasets
from petbench_cohorts.tasks import FLT
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.sources import HostError, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Invoke = Callable[..., tuple[int, str]]

DURATIONS = np.repeat([5, 10, 30, 60, 180, 300], [16, 7, 5, 5, 5, 7])  # 45 frames, 60 min
STARTS = np.cumsum(DURATIONS) - DURATIONS
SLICES = 4
HALF_LIFE_SECONDS = 6586.2
FRAMES = np.random.default_rng(7).integers(500, 20000, (len(STARTS), SLICES, 6, 6)).astype(np.int16)
FETCH = ("datasets", "fetch", "acrin-flt-breast", "--yes", "--to")


def test_the_index_has_the_series_that_the_recipes_say() -> None:
    said = {spec.name: spec.fetch for spec in petbench_datasets()}
    flt, naf = series_of("acrin_flt_breast"), series_of("naf_prostate")
    assert (len(flt), len({patient for patient, *_ in flt})) == (190, 50)
    assert (len(naf), len({patient for patient, *_ in naf})) == (75, 9)
    for name, found in (("acrin-flt-breast", flt), ("naf-prostate", naf)):
        fetch = said[name]
        assert fetch is not None
        assert len({patient for patient, *_ in found}) == fetch.people
        assert sum(size for *_, size in found) == pytest.approx(fetch.bytes_of_all, rel=0.01)
    assert {bucket for _, _, bucket, _, _ in flt + naf} <= {"idc-open-data", "idc-open-data-two", "idc-open-data-cr"}
    first = Collection("acrin_flt_breast", "", FLT).participants[0]
    assert (first.name, [file.count for file in first.files]) == ("sub-001", [1575] * 3)


def write_flt(folder: Path, number: int, date: str = "19600104") -> None:
    """Write a dynamic FLT series of one bed, and the same without attenuation correction."""
    name = f"flt-{number}-{date}"

    def place(position: int) -> dict[str, Any]:
        frame, index = divmod(position, SLICES)
        clock = 36000 + int(STARTS[frame])
        return {
            "ImagePositionPatient": [-15.0, -15.0, 4.25 * index],
            "ActualFrameDuration": int(DURATIONS[frame]) * 1000,
            "FrameReferenceTime": str(int(STARTS[frame]) * 1000),
            "AcquisitionTime": f"{clock // 3600:02d}{clock // 60 % 60:02d}{clock % 60:02d}",
        }

    common: dict[str, Any] = {
        "PatientID": f"ACRIN-FLT-Breast_{number:03d}",
        "SeriesType": ["DYNAMIC", "IMAGE"],
        "SeriesDate": date,
        "AcquisitionDate": date,
        "StudyInstanceUID": f"1.2.{number}.{date}",
        "SeriesTime": "100000",
        "RadiopharmaceuticalStartTime": "100000",
        "Radiopharmaceutical": "Fluorothymidine F^18^",
        "SeriesDescription": "PET-CT SERIES",
    }
    flat = (FRAMES + number + int(date) % 1000).reshape(-1, 6, 6)
    write_series(folder / f"{name}-ac", flat, place, series=f"1.2.{number}.{date}.1", **common)
    not_corrected = {"CorrectedImage": ["DECY", "SCAT"], "SeriesNumber": 2}
    write_series(folder / f"{name}-nac", flat, place, series=f"1.2.{number}.{date}.2", **common, **not_corrected)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of two patients, one of whom came twice."""
    folder = tmp_path_factory.mktemp("bucket")
    for number, date in ((1, "19600104"), (2, "19600104"), (2, "19600228")):
        write_flt(folder / "idc-open-data", number, date)
    return read_folder(folder)


@pytest.fixture
def bucket(series: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve them, and lead the recipe there, with an index that has the columns of the real one."""
    files = dict(series)
    rows = []
    for name in sorted({path.split("/")[1] for path in files}):
        of_it = [data for path, data in files.items() if path.split("/")[1] == name]
        patient = f"ACRIN-FLT-Breast_{int(name.split('-')[1]):03d}"
        rows.append((patient, name, len(of_it), sum(map(len, of_it)) / 1e6))
    index = tmp_path / "index.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t (PatientID VARCHAR, crdc_series_uuid VARCHAR, instanceCount BIGINT, series_size_MB DOUBLE, "
            "collection_id VARCHAR, Modality VARCHAR, aws_bucket VARCHAR, SeriesDescription VARCHAR)"
        )
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?, 'acrin_flt_breast', 'PT', 'idc-open-data', 'PET-CT SERIES')", rows
        )
        connection.execute(f"COPY t TO '{index}' (FORMAT parquet)")
    monkeypatch.setattr(idc_index_data, "IDC_INDEX_PARQUET_FILEPATH", index)
    monkeypatch.setattr("petbench_cohorts.idc.CHOSEN", {"acrin_flt_breast": f"instanceCount >= {len(STARTS)}"})
    monkeypatch.setattr("petbench_datasets.fetching.download.WAITS_SECONDS", ())
    with serving(Bucket(files)) as served:
        monkeypatch.setattr("petbench_cohorts.idc.ENDPOINT", served.url)
        yield served


@pytest.mark.slow
def test_a_dynamic_series_becomes_the_two_windows(bucket: Bucket, invoke: Invoke, tmp_path: Path) -> None:
    code, said = invoke(*FETCH, tmp_path / "flt")
    assert code == 0, said
    assert sorted(bucket.asked) == sorted(bucket.files)
    dataset = open_dataset(tmp_path / "flt")
    assert dataset.participants == ("sub-001", "sub-002_ses-1", "sub-002_ses-2")
    added = {"sub-001": 1 + 104, "sub-002_ses-1": 2 + 104, "sub-002_ses-2": 2 + 228}
    for name in dataset.participants:
        pair = dataset.pair(name)
        for (start, stop), found in (((420, 1260), pair.early), ((2520, 3780), pair.delayed)):
            shared = np.clip(np.minimum(STARTS + DURATIONS, stop) - np.maximum(STARTS, start), 0, None)
            mean = np.tensordot(shared / shared.sum(), FRAMES.astype(np.float64), axes=1) + added[name]
            np.testing.assert_allclose(found, 2.0 * mean * 70000.0 / 250e6, rtol=2e-5)  # 2 is the RescaleSlope
    (sidecar,) = (tmp_path / "flt" / "sub-001").rglob("*rec-early_pet.json")
    content = json.loads(sidecar.read_text(encoding="utf-8"))
    assert content["TracerName"] == "FLT"
    assert dataset.task.id == FLT.id  # as `task.toml` in the cohort says
    assert "note: sub-001: passed over" in said


@pytest.mark.slow
def test_slices_that_are_missing_or_cut_short_are_brought_by_the_same_command(
    bucket: Bucket, invoke: Invoke, tmp_path: Path
) -> None:
    lost = "idc-open-data/flt-1-19600104-ac/1.2.1.19600104.1-0007.dcm"
    bucket.missing = {lost}
    code, said = invoke(*FETCH, tmp_path / "flt", "--participants", 1)
    assert code == 1
    assert "s3://idc-open-data/flt-1-19600104-ac/*" in line_of(said)
    bucket.missing, bucket.asked = set(), []
    part = tmp_path / "flt" / ".fetch" / "raw" / "sub-001" / "flt-1-19600104-ac.part" / "1.2.1.19600104.1-0009.dcm"
    part.write_bytes(part.read_bytes()[:100])  # as a kill leaves it
    code, said = invoke(*FETCH, tmp_path / "flt", "--participants", 1)
    assert code == 0, said
    assert sorted(key for key in bucket.asked if "-ac/" in key) == [lost, lost.replace("0007", "0009")]


def test_what_s5cmd_says_last_is_what_is_told() -> None:
    file = RemoteFile("s3://idc-open-data/x/*", "x", 1)
    with pytest.raises(OSError, match="No space left") as full:
        _raise(file, 'ERROR "cp s3://idc-open-data/x/1.dcm /y/1.dcm": write /y/1.dcm: no space left on device\n')
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(HostError, match=r"x/\*: RequestError: send request failed; repeat the command later"):
        _raise(file, 'ERROR "cp s3://idc-open-data/x/1.dcm /y/1.dcm": RequestError: send request failed\n')
    with pytest.raises(HostError, match="s5cmd said nothing"):
        _raise(file, "")


@pytest.mark.slow
def test_a_series_that_is_not_what_the_index_says_is_refused(bucket: Bucket, invoke: Invoke, tmp_path: Path) -> None:
    del bucket.files["idc-open-data/flt-1-19600104-ac/1.2.1.19600104.1-0007.dcm"]
    code, said = invoke(*FETCH, tmp_path / "flt", "--participants", 1)
    assert code == 1
    assert f"{len(STARTS) * SLICES - 1} files came where {len(STARTS) * SLICES} were announced" in line_of(said)


@pytest.mark.slow
def test_a_series_that_the_host_has_no_longer_is_named(bucket: Bucket, invoke: Invoke, tmp_path: Path) -> None:
    bucket.files = {path: data for path, data in bucket.files.items() if "flt-2" not in path}
    code, said = invoke(*FETCH, tmp_path / "flt", "--participants", "sub-002")
    assert code == 1
    assert "s3://idc-open-data/flt-2-19600104-ac/*" in line_of(said)


@pytest.mark.slow
def test_another_index_than_the_one_that_a_cohort_was_begun_with_is_refused(
    bucket: Bucket, invoke: Invoke, tmp_path: Path
) -> None:
    assert invoke(*FETCH, tmp_path / "flt", "--participants", 1)[0] == 0
    options = tmp_path / "flt" / ".fetch" / "options.json"
    content = json.loads(options.read_text(encoding="utf-8"))
    options.write_text(json.dumps({**content, "revision": "idc-index-data 1.0.0"}), encoding="utf-8")
    code, said = invoke(*FETCH, tmp_path / "flt")
    assert code == 1
    assert "pip install idc-index-data==1.0.0" in line_of(said)
