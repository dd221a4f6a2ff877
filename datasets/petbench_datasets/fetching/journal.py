"""What a fetch keeps about itself in the folder `.fetch` of the cohort: its options, and who is finished.

A participant is finished when the record is written and the folder is in its place. The record is written first and
the folder comes there by one rename, so that a fetch that is killed at any moment leaves nothing half-written that
passes for whole.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from petbench_datasets.bids.sidecar import read_json
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ".fetch"


@dataclass(frozen=True)
class Options:
    """What decides the voxels of a fetched cohort: a folder has one of them."""

    cohort: str
    reconstruction: str
    grid: str
    windows: dict[str, list[float]]
    revision: str = ""


@dataclass(frozen=True)
class Record:
    """What is known of a participant who was fetched.

    Attributes:
        row: the cells of participants.tsv.
        columns: how participants.json describes them.
        files: by name at the host, the digest or size that was checked.
        notes: for people to read.
        labels: the folder below `derivatives` that has the organs; empty without.
    """

    row: dict[str, str]
    columns: dict[str, Any]
    files: dict[str, str]
    notes: list[str] = field(default_factory=list)
    labels: str = ""


class Journal:
    """The folder `.fetch` of a cohort.

    Attributes:
        cohort: the dataset's folder.
        options: of the fetch; the revision is that of the first command.
    """

    def __init__(self, cohort: Path, options: Options) -> None:
        self.cohort = cohort
        self.options = self._agreed(options)

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return self.cohort / FOLDER

    @property
    def work(self) -> Path:
        """Where images are made; what is there belongs to nobody after a command has ended."""
        return self.folder / "work"

    def raw(self, name: str) -> Path:
        """Return where the files of a participant are downloaded to."""
        return self.folder / "raw" / name

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else fetch into the cohort meanwhile.

        Raises:
            DataError: another process does.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            with lock.acquire(timeout=0):
                yield
        except Timeout:
            raise DataError(f"{self.cohort}: another process fetches into it; wait for that one") from None

    def begin(self, revision: str) -> None:
        """Make the folder, and note for what revision."""
        self.options = Options(**{**asdict(self.options), "revision": revision})
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.work, ignore_errors=True)
        if not self._options_path.exists():
            write_json(self._options_path, asdict(self.options))

    def finished(self) -> dict[str, Record]:
        """Return the record of everybody who is there, by name."""
        records = sorted((self.folder / "participants").glob("sub-*.json"))
        return {path.stem: Record(**read_json(path)) for path in records if (self.cohort / path.stem).is_dir()}

    def write(self, name: str, record: Record) -> None:
        """Write down what is known of a participant, whose folder comes next."""
        write_json(self.folder / "participants" / f"{name}.json", asdict(record))

    def left_out(self) -> dict[str, str]:
        """Return why participants cannot be used, by name: they are not downloaded again, only to fail again."""
        places = sorted((self.folder / "left-out").glob("sub-*.json"))
        return {path.stem: str(read_json(path).get("reason", "")) for path in places}

    def leave_out(self, name: str, reason: str) -> None:
        """Write down why a participant cannot be used."""
        write_json(self.folder / "left-out" / f"{name}.json", {"reason": reason})

    @property
    def _options_path(self) -> Path:
        return self.folder / "options.json"

    def _agreed(self, wanted: Options) -> Options:
        """Return the options with the revision of the fetch that is there.

        Raises:
            DataError: the folder holds something else, or was fetched with other options.
        """
        if not self._options_path.exists():
            strangers = [path for path in self.cohort.glob("*") if path.name != FOLDER] if self.cohort.exists() else []
            if strangers:
                raise DataError(
                    f"{self.cohort}: holds {strangers[0].name}, which petbench did not fetch; name a new folder"
                )
            return wanted
        there = Options(**read_json(self._options_path))
        for name, is_there in asdict(there).items():
            asked = asdict(wanted)[name]
            if name != "revision" and asked != is_there:
                raise DataError(
                    f"{self.cohort}: was fetched with {name} {_shown(is_there)}, not {_shown(asked)}; repeat that, or "
                    "name another folder"
                )
        return there


def _shown(value: object) -> str:
    return repr(value) if value != "" else "none"
