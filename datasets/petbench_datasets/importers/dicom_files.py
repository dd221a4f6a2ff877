"""Which files of a folder are slices of DICOM PET series, and which series they make."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import PositronEmissionTomographyImageStorage

from petbench_datasets.boundary import BoundedFile, reading, without_warnings
from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom_converted import slices_of_converted
from petbench_datasets.importers.dicom_enhanced import slices_of
from petbench_datasets.importers.dicom_headers import SliceHeader, slice_header
from petbench_datasets.importers.dicom_unreadable import Unreadable, require_kind, require_other_name
from petbench_datasets.importers.lesion_objects import DRAWN_KINDS, DrawnObject, drawn_kind, drawn_objects

if TYPE_CHECKING:
    from pathlib import Path

_ENHANCED = "1.2.840.10008.5.1.4.1.1.130"
_CONVERTED = "1.2.840.10008.5.1.4.1.1.128.1"
_PREAMBLE = 128
_ONE_SERIES = dt.timedelta(seconds=1)


@dataclass
class FoundFiles:
    """What lies below a folder.

    Attributes:
        series: the slices of each PET series.
        refused: files and series that are PET, but cannot be used: (what, why).
        passed_over: everything else: (what, why).
        drawn: objects in which somebody has drawn structures.
        unreadable: files that may have been slices of any of the series.
    """

    series: list[list[SliceHeader]] = field(default_factory=list)
    refused: list[tuple[str, DataError]] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    drawn: list[DrawnObject] = field(default_factory=list)
    unreadable: Unreadable = field(default_factory=Unreadable)


def find_series(folder: Path) -> FoundFiles:
    """Read the headers of every PET slice below `folder`.

    Raises:
        DataError: no such folder, no DICOM file, no PET image.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds the DICOM files")
    found = FoundFiles()
    slices: list[SliceHeader] = []
    broken: dict[str, DataError] = {}
    lost: list[Path] = []
    others: dict[str, int] = defaultdict(int)
    any_dicom = False
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name.upper() != "DICOMDIR"):
        try:
            dataset = _header(path)
            if dataset is None:
                require_other_name(path)
            else:
                require_kind(path, dataset)
        except DataError as error:
            found.refused.append((str(path), error))
            lost.append(path)
            continue
        try:
            kind = _kind(path, dataset)
        except DataError as error:
            found.refused.append((str(path), error))
            continue
        any_dicom |= dataset is not None
        if kind:
            others[kind] += 1
            if drawn_kind(dataset or {}):
                try:
                    found.drawn += drawn_objects(path, dataset)
                except DataError as error:
                    found.passed_over.append((str(path), str(error).partition(": ")[2]))
            continue
        try:
            slices += _headers(path, dataset)
        except DataError as error:
            if _is_enhanced(dataset):
                found.refused.append((str(path), error))
                continue
            # One slice that cannot be read leaves its series with a hole: the whole series is refused.
            if uid := _series_uid(dataset):
                broken.setdefault(uid, error)
            else:
                found.refused.append((str(path), error))
                lost.append(path)
    found.refused += [(str(error).partition(": ")[0], error) for error in broken.values()]
    found.series = _series([header for header in _without_copies(slices) if header.series not in broken])
    found.unreadable = Unreadable.among(lost, {header.series for header in slices})
    if not slices and not found.refused:
        said = ", ".join(f"{count} {what}" for what, count in others.items()) or "nothing"
        wanted = "PET image" if any_dicom else "DICOM file"
        raise DataError(f"{folder}: has no {wanted} (found {said}); give the folder that holds the PET series")
    drawings = {f"{kind} objects" for kind in set(DRAWN_KINDS.values())}
    found.passed_over += [
        (f"{what} ({count})", "not PET images") for what, count in others.items() if what not in drawings
    ]
    return found


def find_drawn(place: Path) -> list[DrawnObject]:
    """Return the RTSTRUCT and SEG objects of a file, or of a folder and all below it.

    Raises:
        DataError: there is none, or one that cannot be read.
    """
    if not place.exists():
        raise DataError(f"{place}: no such file or folder; give that of the lesions (RTSTRUCT or DICOM SEG)")
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    headers = [(path, _header(path)) for path in files]
    found = [one for path, header in headers if drawn_kind(header or {}) for one in drawn_objects(path, header)]
    if not found:
        what = "a folder without" if place.is_dir() else "no"
        raise DataError(f"{place}: {what} RTSTRUCT or SEG object; give the file in which the lesions are drawn")
    return found


def _is_enhanced(dataset: Any) -> bool:
    return str(dataset.get("SOPClassUID", "")) in {_ENHANCED, _CONVERTED}


def _headers(path: Path, dataset: Any) -> list[SliceHeader]:
    """Return the headers of the slices in a file: one, or one a frame."""
    if not _is_enhanced(dataset):
        return [slice_header(path, dataset)]
    read = slices_of_converted if str(dataset.SOPClassUID) == _CONVERTED else slices_of
    with reading(path), without_warnings():
        frames = list(read(path, dataset))
    return [slice_header(path, single, frame) for frame, single in enumerate(frames)]


def _series(slices: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Divide slices into series: by UID, and by all that DICOM says of a series or above it as a whole.

    Anonymisers have given one UID to every series, and even to every file: what differs in its participant, its study
    or its time is another series all the same.
    """
    groups: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in slices:
        groups[header.series, header.study, header.participant, header.frame is None].append(header)
    divided: list[list[SliceHeader]] = []
    for members in groups.values():
        members.sort(key=lambda header: header.series_start or dt.datetime.min)
        last: dt.datetime | None = None
        for number, header in enumerate(members):
            start = header.series_start or dt.datetime.min
            if number == 0 or (last is not None and start - last > _ONE_SERIES):
                divided.append([])
            last = start
            divided[-1].append(header)
    return [sorted(members, key=lambda header: (header.path, header.frame or 0)) for members in divided]


def _without_copies(slices: list[SliceHeader]) -> list[SliceHeader]:
    """Leave out files that are the same slice again: its UID, its place, its time and its bytes."""
    by_place: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    kept = []
    for header in slices:
        key = (
            header.instance, header.frame, header.series, header.position, header.acquisition_start,
            header.reference_milliseconds, header.series_start, header.path.stat().st_size,
        )  # fmt: skip
        if any(_same_bytes(header.path, other.path) for other in by_place[key]):
            continue
        by_place[key].append(header)
        kept.append(header)
    return kept


def _same_bytes(one: Path, other: Path) -> bool:
    with reading(one):
        return one.read_bytes()[_PREAMBLE:] == other.read_bytes()[_PREAMBLE:]


def _series_uid(dataset: Any) -> str:
    try:
        with without_warnings():
            return str(dataset.get("SeriesInstanceUID", ""))
    except Exception:  # an element that cannot be converted raises when it is asked for
        return ""


def _kind(path: Path, dataset: Any | None) -> str:
    """Return what a file with such a header is where it is no slice of PET; empty for a slice.

    Raises:
        DataError: it says nothing that can be read.
    """
    if dataset is None:
        return "files that are not DICOM"
    with reading(path), without_warnings():
        kind = str(dataset.get("SOPClassUID", ""))
        pet = kind in {PositronEmissionTomographyImageStorage, _ENHANCED, _CONVERTED}
        named = drawn_kind(dataset) or dataset.get("Modality", "unknown")
        return "" if pet else f"{named} objects"


def _header(path: Path) -> Any | None:
    """Read a file's header, or return None when it is not DICOM.

    Raises:
        DataError: the file says that it is DICOM, but cannot be read.
    """
    with reading(path), BoundedFile(path) as file:
        is_dicom = file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
        file.seek(0)
        with without_warnings():
            try:
                return pydicom.dcmread(file, stop_before_pixels=True)
            except InvalidDicomError:
                file.seek(0)
                return _forced(file)
            except Exception:
                if is_dicom:
                    raise
    return None


def _forced(file: BoundedFile) -> Any | None:
    """Read a file without DICOM's preamble, if it says for itself what it is."""
    try:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        return dataset if "SOPClassUID" in dataset and "Modality" in dataset else None  # noqa: TRY300
    except Exception:  # any other file, forced through a DICOM parser, may raise anything
        return None
