"""Files that cannot be read, and the series of which each may have been a slice."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from petbench_datasets.boundary import BoundedFile, reading
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.importers.dicom_headers import SliceHeader

_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})
_NO_SLICE = "._"  # how macOS begins the names of what it keeps beside a file
_HEADER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Files that may have been slices.

    Attributes:
        files: each with the series whose UID stands in it; none where it holds none.
    """

    files: Mapping[Path, Collection[str]] = field(default_factory=dict)

    @classmethod
    def among(cls, paths: Sequence[Path], known: Collection[str]) -> Unreadable:
        """Look in each file for the UIDs of the series that could be read."""
        return cls({path: _named(path, known) for path in paths})

    def beside(self, members: Sequence[SliceHeader]) -> list[Path]:
        """Return the files that may have been slices of a series: that name it, or name none and lie in its folder."""
        folders = {header.path.parent for header in members}
        return [
            path
            for path, named in self.files.items()
            if (members[0].series in named if named else path.parent in folders)
        ]


def require_other_name(path: Path) -> None:
    """Refuse a file that is no DICOM and is called as if it were: a slice that was damaged is no loss in silence.

    Raises:
        DataError: it is.
    """
    if path.suffix.lower() in _SUFFIXES and not path.name.startswith(_NO_SLICE):
        raise DataError(f"{path}: is no DICOM, though its name says so; copy it again, or remove it")


def require_kind(path: Path, dataset: Any) -> None:
    """Refuse a DICOM file that was cut before it says what it holds; the index of a medium holds nothing.

    Raises:
        DataError: it does not say.
    """
    with reading(path):
        if not dataset.get("SOPClassUID") and "DirectoryRecordSequence" not in dataset:
            raise DataError(f"{path}: does not say what it holds, SOPClassUID (0008,0016); copy or export it again")


def _named(path: Path, known: Collection[str]) -> set[str]:
    try:
        with reading(path), BoundedFile(path) as file:
            content = file.read(_HEADER_BYTES)
    except DataError:
        return set()
    # Not as a part of another: the UID of a slice often begins with its series'.
    return {uid for uid in known if re.search(rb"(?<![0-9.])" + re.escape(uid.encode()) + rb"(?![0-9.])", content)}
