"""Cohorts of the Imaging Data Commons: DICOM series from its index, which idc-index brings along and needs no network.

The bytes come with s5cmd, started as idc-index starts it: the client itself logs what fails and goes on, and reads the
index of every cohort into memory first.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from petbench_datasets.boundary import first_line
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.sources import HostError, RawParticipant, RemoteFile, RemoteParticipant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from petbench_datasets.tasks.task import Task

ENDPOINT = "https://s3.amazonaws.com"
CHOSEN = {
    "acrin_flt_breast": "instanceCount >= 900",
    "naf_prostate": "SeriesDescription LIKE '[WB_CTAC]%'",
}
"""Which PET series of a collection are wanted, in terms of the index: dynamic, or attenuation-corrected ones."""

_SECONDS_BETWEEN_LOOKS = 0.5
_QUERY = """
    SELECT PatientID, crdc_series_uuid, aws_bucket, instanceCount, CAST(round(series_size_MB * 1e6) AS BIGINT)
    FROM read_parquet(?) WHERE collection_id = ? AND Modality = 'PT' AND {chosen} ORDER BY PatientID, crdc_series_uuid
"""


class Collection:
    """A collection in one version of the index; a `petbench_datasets.sources.Source`."""

    def __init__(self, name: str, revision: str, task: Task) -> None:
        self._name, self._task = name, task
        version = distribution("idc-index-data").version
        self._revision = revision or f"idc-index-data {version}"
        if revision and revision != f"idc-index-data {version}":
            raise DataError(
                f"{name}: was begun with {revision}, and {version} is installed; pip install "
                f"idc-index-data=={revision.rpartition(' ')[2]}, or begin anew in another folder"
            )
        by_patient: dict[str, list[RemoteFile]] = {}
        for patient, series, bucket, count, size in series_of(name):
            path = f"s3://{bucket}/{series}/*"
            by_patient.setdefault(patient, []).append(RemoteFile(path, series, size, count=count))
        people = [RemoteParticipant(_participant(patient), tuple(files)) for patient, files in by_patient.items()]
        self._participants = tuple(sorted(people, key=lambda one: one.name))

    @property
    def revision(self) -> str:
        """The version of the index."""
        return self._revision

    @property
    def participants(self) -> Sequence[RemoteParticipant]:
        """Those who have such series."""
        return self._participants

    def require_access(self) -> None:
        """Everybody may download."""

    def download(self, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
        """Bring the slices of a series; those that are there in full are passed over."""
        target.mkdir(exist_ok=True)
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_SECONDS_BETWEEN_LOOKS):
                progress(min(file.size_bytes, _size(target)))

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        command = [
            _s5cmd(),
            "--no-sign-request",
            "--endpoint-url",
            ENDPOINT,
            "sync",
            "--size-only",
            file.path,
            f"{target}/",
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        finally:
            ended.set()
            watching.join()
        if done.returncode:
            _raise(file, done.stderr)
        progress(file.size_bytes)

    def read(self, participant: RemoteParticipant, raw: Path, work: Path) -> RawParticipant:  # noqa: ARG002 - a Source's
        """Import the series as any DICOM; those that are not attenuation-corrected are passed over."""
        folder = work / "imported"
        report = import_dicom(raw, folder, task=self._task, skip_unusable=True)
        names = sorted({image.participant for image in report.images})
        if len(names) != 1:
            raise DataError(f"the series are of {len(names)} people ({', '.join(names)}); tell the host")
        notes = [f"passed over: {why.replace(str(raw), '')}" for _, why in report.skipped]
        return RawParticipant(folder, names[0], notes=tuple(notes))


def series_of(collection: str) -> list[tuple[str, str, str, int, int]]:
    """Return patient, series, bucket, number of files and bytes of every series that is wanted of a collection."""
    import duckdb
    import idc_index_data

    index = str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)
    with duckdb.connect() as connection:
        return connection.execute(_QUERY.format(chosen=CHOSEN[collection]), [index, collection]).fetchall()


def _participant(patient: str) -> str:
    number = re.search(r"\d+$", patient)
    return f"sub-{number[0] if number else re.sub(r'[^A-Za-z0-9]', '', patient)}"


def _s5cmd() -> str:
    """Return where the program is: on the path, or where its package keeps it."""
    found = shutil.which("s5cmd")
    if found:
        return found
    inside = (str(file.locate()) for file in distribution("s5cmd").files or () if file.name.startswith("s5cmd"))
    return next(path for path in inside if Path(path).is_file())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _raise(file: RemoteFile, said: str) -> None:
    """Raise what the program's last words mean."""
    if "no space left" in said.lower():
        import errno

        raise OSError(errno.ENOSPC, "No space left on device")
    last = said.strip().splitlines()[-1].rpartition('": ')[2] if said.strip() else "s5cmd said nothing"
    what = first_line(ValueError(last))
    raise HostError(f"{file.path}: {what}; repeat the command later: it goes on where it is")
