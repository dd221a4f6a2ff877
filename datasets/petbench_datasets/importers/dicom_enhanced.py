"""Enhanced PET: one file with many frames, read as the slices that a classic series would have of them.

Functional groups (DICOM PS3.3 C.7.6.16 and C.8.22) are put where a classic slice has the same thing, so that every rule
on classic series holds here too. What a voxel is, only Real World Value Mapping says in units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset

from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom_values import parse_datetime

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

_UNITS = {"bq/ml": "BQML", "g/ml": "GML", "g/ml{suvbw}": "GML", "{counts}": "CNTS", "{propcounts}": "PROPCNTS"}
_CORRECTIONS = {
    "AttenuationCorrected": "ATTN",
    "DecayCorrected": "DECY",
    "ScatterCorrected": "SCAT",
    "DeadTimeCorrected": "DTIM",
    "RandomsCorrected": "RAN",
}
_MOST_FRAMES = 65_535
_SAME_SECONDS = 60.0
HOW = "export the series as classic PET images, one file a slice, or pass over it (--skip-unusable)"


def slices_of(path: Path, dataset: Any) -> Iterator[Dataset]:
    """Yield the header of each frame as a classic slice has it, in the order of the frames.

    Args:
        path: of the file, for messages.
        dataset: its header.

    Raises:
        DataError: an element that is missing, or a decay reference that is none.
    """
    frames, shared = functional_groups(path, dataset, "an Enhanced PET image")
    common = _common(path, dataset)
    starts = [_start(path, frame, shared) for frame in frames]
    common.update(_decay(path, dataset, min(starts)))
    places = {str(group(path, frame, shared, "PlanePositionSequence").get("ImagePositionPatient")) for frame in frames}
    for number, (frame, start) in enumerate(zip(frames, starts, strict=True), start=1):
        single = Dataset()
        single.update(common)
        content = group(path, frame, shared, "FrameContentSequence")
        mapping = group(path, frame, shared, "RealWorldValueMappingSequence")
        place_frame(path, frame, shared, single)
        single.RescaleSlope = decimal(mapping.get("RealWorldValueSlope"))
        single.RescaleIntercept = decimal(mapping.get("RealWorldValueIntercept"))
        single.Units = _unit(path, mapping)
        single.ActualFrameDuration = decimal(content.get("FrameAcquisitionDuration"))
        single.AcquisitionDate, single.AcquisitionTime = f"{start:%Y%m%d}", f"{start:%H%M%S.%f}"
        single.TemporalPositionIdentifier = content.get("TemporalPositionIndex")
        single.NumberOfSlices = len(places)
        single.InstanceNumber = number
        yield single


def functional_groups(path: Path, dataset: Any, what: str) -> tuple[Any, Any]:
    """Return the functional groups of every frame, and those that all of them share.

    Raises:
        DataError: not one item a frame.
    """
    count = int(dataset.get("NumberOfFrames") or 0)
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if not 1 <= count <= _MOST_FRAMES or len(frames) != count:
        raise DataError(
            f"{path}: {what} of {count} frames, but {len(frames)} items in PerFrameFunctionalGroupsSequence "
            f"(5200,9230); {HOW}"
        )
    return frames, (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]


def place_frame(path: Path, frame: Any, shared: Any, single: Dataset) -> None:
    """Put a frame's place where a classic slice has it."""
    copy_elements(group(path, frame, shared, "PixelMeasuresSequence"), single, "PixelSpacing", "SliceThickness")
    copy_elements(group(path, frame, shared, "PlanePositionSequence"), single, "ImagePositionPatient")
    copy_elements(group(path, frame, shared, "PlaneOrientationSequence"), single, "ImageOrientationPatient")


def common_elements(path: Path, dataset: Any, without: set[str]) -> Dataset:
    """Return a header without functional groups, pixels, and what else is not wanted, once it can hold its frames.

    Raises:
        DataError: fewer pixels than the frames have.
    """
    common = Dataset()
    own = {"PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "PixelData", *without}
    common.update({element.tag: element for element in dataset if element.keyword not in own})
    meta = getattr(dataset, "file_meta", None)
    common.file_meta = FileMetaDataset() if meta is None else meta
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    size = rows * columns * int(dataset.get("BitsAllocated") or 0) // 8 * int(dataset.NumberOfFrames)
    syntax = getattr(common.file_meta, "TransferSyntaxUID", None)
    if not (syntax is not None and syntax.is_encapsulated) and size > path.stat().st_size:
        raise DataError(
            f"{path}: holds fewer pixels than {dataset.NumberOfFrames} frames have; copy or export it again"
        )
    return common


def _common(path: Path, dataset: Any) -> Dataset:
    """Return what all frames share: everything but the groups, the pixels, and what only one frame can say."""
    common = common_elements(path, dataset, {"FrameReferenceTime", "DecayFactor", "ImageIndex", "AcquisitionDateTime"})
    said = {name: str(dataset.get(name) or "").upper() for name in _CORRECTIONS}
    common.CorrectedImage = [word for name, word in _CORRECTIONS.items() if said[name] == "YES"]
    kind = [str(part).upper() for part in dataset.get("ImageType") or []]
    common.SeriesType = ["GATED" if "GATED" in kind else "DYNAMIC", "IMAGE"]
    common.CountsSource = "EMISSION"
    return common


def _decay(path: Path, dataset: Any, earliest: dt.datetime) -> Dataset:
    """Return DecayCorrection and the decay reference as a classic series says them."""
    found = Dataset()
    found.SeriesDate, found.SeriesTime = f"{earliest:%Y%m%d}", f"{earliest:%H%M%S.%f}"
    if str(dataset.get("DecayCorrected") or "").upper() != "YES":
        found.DecayCorrection = "NONE"
        return found
    said = str(dataset.get("DecayCorrectionDateTime") or "")
    reference = parse_datetime(said)
    if reference is None:
        raise DataError(f"{path}: DecayCorrectionDateTime (0018,9701) is {said!r}, no date and time; {HOW}")
    items = dataset.get("RadiopharmaceuticalInformationSequence") or [Dataset()]
    injection = parse_datetime(str(items[0].get("RadiopharmaceuticalStartDateTime") or ""))
    if injection is not None and abs((reference - injection).total_seconds()) <= _SAME_SECONDS:
        found.DecayCorrection = "ADMIN"
        return found
    if (reference - earliest).total_seconds() > _SAME_SECONDS:
        raise DataError(
            f"{path}: DecayCorrectionDateTime (0018,9701) is {reference}, after FrameAcquisitionDateTime (0018,9074) "
            f"{earliest}; {HOW}"
        )
    found.DecayCorrection = "START"
    reference = min(reference, earliest)
    found.SeriesDate, found.SeriesTime = f"{reference:%Y%m%d}", f"{reference:%H%M%S.%f}"
    return found


def _start(path: Path, frame: Any, shared: Any) -> dt.datetime:
    said = str(group(path, frame, shared, "FrameContentSequence").get("FrameAcquisitionDateTime") or "")
    found = parse_datetime(said)
    if found is None:
        raise DataError(f"{path}: FrameAcquisitionDateTime (0018,9074) is {said!r}, no date and time; {HOW}")
    return found


def _unit(path: Path, mapping: Any) -> str:
    codes = mapping.get("MeasurementUnitsCodeSequence") or [Dataset()]
    said = str(codes[0].get("CodeValue") or "")
    known = _UNITS.get(said.lower())
    if known is None:
        raise DataError(f"{path}: MeasurementUnitsCodeSequence (0040,08EA) is {said!r}, which is no activity; {HOW}")
    return known


def group(path: Path, frame: Any, shared: Any, name: str) -> Any:
    """Return a functional group of a frame: its own, or that of all frames."""
    items = frame.get(name) or shared.get(name)
    if not items:
        raise DataError(f"{path}: an Enhanced PET image without {name}; {HOW}")
    return items[0]


def copy_elements(source: Any, target: Dataset, *names: str) -> None:
    """Copy those elements that an item has."""
    for name in names:
        if name in source:
            setattr(target, name, source.get(name))


def decimal(value: Any) -> str | None:
    """Return a number as a decimal string may have it: 16 characters."""
    return None if value is None else f"{float(value):.10g}"
