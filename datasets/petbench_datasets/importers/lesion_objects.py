"""DICOM objects in which somebody has drawn: RTSTRUCT and SEG, what they say of their structures and of their images.

Only headers are read here: which person, frame of reference and series an object is of, and which of its structures are
lesions by what is said of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from petbench_datasets.boundary import reading, without_warnings
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.fields import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRAWN_KINDS = {
    str(RTStructureSetStorage): "RTSTRUCT",
    str(SegmentationStorage): "SEG",
    "1.2.840.10008.5.1.4.1.1.66.7": "SEG",  # Label Map Segmentation, which pydicom 3.0 has no name for
}

LESION, OTHER, UNSAID = "lesion", "another thing", ""

# Codes of a segment's category and type, of SNOMED CT and of SRT before it (DICOM PS3.16, CID 7150 and 7151).
_MORPHOLOGICALLY_ALTERED = {"49755003", "M-01000"}
_ANATOMY = {"123037004", "91723000", "85756007", "T-D0005", "T-D000A", "T-D0050"}
_SAYS_NOTHING = {"", "NONE"}


@dataclass(frozen=True)
class Structure:
    """One structure of an object: a region of interest, or a segment.

    Attributes:
        number: by which the object refers to it.
        name: as it was called.
        says: whether it is a lesion, by its own kind: `LESION`, `OTHER`, or `UNSAID`.
        kind: what it says that it is.
    """

    number: int
    name: str
    says: str
    kind: str


@dataclass(frozen=True)
class DrawnObject:
    """The structures of an RTSTRUCT or SEG that lie in one frame of reference.

    Attributes:
        path: the file.
        kind: `RTSTRUCT` or `SEG`.
        instance: the object's own UID.
        patient_id: whose.
        frame_of_reference: in which its coordinates are.
        series: UIDs of the image series that it refers to.
        structures: in its order.
    """

    path: Path
    kind: str
    instance: str
    patient_id: str
    frame_of_reference: str
    series: frozenset[str]
    structures: tuple[Structure, ...]


def drawn_kind(dataset: Any) -> str:
    """Return `RTSTRUCT` or `SEG`, or nothing for another object."""
    try:
        with without_warnings():
            return DRAWN_KINDS.get(str(dataset.get("SOPClassUID", "")), "")
    except Exception:  # an element that cannot be converted raises when it is asked for
        return ""


def drawn_objects(path: Path, dataset: Any) -> list[DrawnObject]:
    """Return what an RTSTRUCT or SEG holds, by frame of reference.

    Raises:
        DataError: an object without structures, or one that does not say where they are.
    """
    with reading(path), without_warnings():
        kind = drawn_kind(dataset)
        found = list(_segments(dataset) if kind == "SEG" else _regions(dataset))
        if not found:
            raise DataError(f"{path}: a {kind} object without structures; leave it out, or export it again")
        frames = list(dict.fromkeys(frame for frame, _, _ in found))
        if "" in frames:
            raise DataError(
                f"{path}: a {kind} object without FrameOfReferenceUID, so that nobody knows where its structures are; "
                "export it again"
            )
        instance, person = str(dataset.get("SOPInstanceUID", "")), str(dataset.get("PatientID") or "").strip()
        return [
            DrawnObject(
                path, kind, instance, person, frame,
                frozenset().union(*(series for its, series, _ in found if its == frame)),
                tuple(one for its, _, one in found if its == frame),
            )
            for frame in frames
        ]  # fmt: skip


def _regions(dataset: Any) -> Iterator[tuple[str, frozenset[str], Structure]]:
    types = {
        str(item.get("ReferencedROINumber")): str(item.get("RTROIInterpretedType") or "").strip().upper()
        for item in dataset.get("RTROIObservationsSequence") or []
    }
    series: dict[str, frozenset[str]] = {}
    for item in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        named = {
            str(one.get("SeriesInstanceUID"))
            for study in item.get("RTReferencedStudySequence") or []
            for one in study.get("RTReferencedSeriesSequence") or []
        }
        frame = str(item.get("FrameOfReferenceUID") or "")
        series[frame] = series.get(frame, frozenset()) | named
    for item in dataset.get("StructureSetROISequence") or []:
        frame, number = str(item.get("ReferencedFrameOfReferenceUID") or ""), str(item.get("ROINumber"))
        kind = types.get(number, "")
        says = UNSAID if kind in _SAYS_NOTHING else LESION if kind == "GTV" else OTHER
        yield frame, series.get(frame, frozenset()), Structure(int(number), _name(item, "ROIName"), says, kind)


def _segments(dataset: Any) -> Iterator[tuple[str, frozenset[str], Structure]]:
    series = {str(item.get("SeriesInstanceUID")) for item in dataset.get("ReferencedSeriesSequence") or []}
    frame = str(dataset.get("FrameOfReferenceUID") or "")
    for item in dataset.get("SegmentSequence") or []:
        category = (item.get("SegmentedPropertyCategoryCodeSequence") or [{}])[0]
        code, meaning = str(category.get("CodeValue") or ""), str(category.get("CodeMeaning") or "")
        says = LESION if code in _MORPHOLOGICALLY_ALTERED else OTHER if code in _ANATOMY else UNSAID
        if int(item.SegmentNumber) != 0:  # the background of a label map
            yield (
                frame,
                frozenset(series),
                Structure(int(item.SegmentNumber), _name(item, "SegmentLabel"), says, meaning),
            )


def _name(item: Any, element: str) -> str:
    """Return what a structure is called, in characters that a table and a terminal show as they are."""
    text = str(item.get(element) or "").replace('"', "'")
    name = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return "lesion" if is_missing(name) else name
