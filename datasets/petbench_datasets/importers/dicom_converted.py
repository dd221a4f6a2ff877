"""Legacy Converted Enhanced PET: a classic series in one file, read as the slices that it was made of.

What a converter found no place for stands in Unassigned Shared and Unassigned Per-Frame Converted Attributes as it
stood in the slices, the rest in functional groups: it is put back, so that every rule on classic series holds. What the
slices said of their own number goes before the number of places in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from petbench_datasets.importers.dicom_enhanced import (
    common_elements,
    copy_elements,
    decimal,
    functional_groups,
    group,
    place_frame,
)
from petbench_datasets.importers.dicom_values import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def slices_of_converted(path: Path, dataset: Any) -> Iterator[Dataset]:
    """Yield the header of each frame as the slice had it, in the order of the frames.

    Args:
        path: of the file, for messages.
        dataset: its header.

    Raises:
        DataError: an element that is missing.
    """
    frames, shared = functional_groups(path, dataset, "a Legacy Converted Enhanced PET image")
    common = common_elements(path, dataset, {"AcquisitionDateTime", "InstanceNumber"})
    places = {str(group(path, frame, shared, "PlanePositionSequence").get("ImagePositionPatient")) for frame in frames}
    for frame in frames:
        single = Dataset()
        single.update(common)
        single.NumberOfSlices = len(places)
        for item in (
            *(shared.get("UnassignedSharedConvertedAttributesSequence") or []),
            *(frame.get("UnassignedPerFrameConvertedAttributesSequence") or []),
        ):
            single.update(item)
        place_frame(path, frame, shared, single)
        transformation = group(path, frame, shared, "PixelValueTransformationSequence")
        copy_elements(transformation, single, "RescaleSlope", "RescaleIntercept")
        for source in frame.get("ConversionSourceAttributesSequence") or []:
            single.SOPInstanceUID = source.get("ReferencedSOPInstanceUID")
        content = (frame.get("FrameContentSequence") or [Dataset()])[0]
        start = parse_datetime(str(content.get("FrameAcquisitionDateTime") or ""))
        if start is not None:
            single.AcquisitionDate, single.AcquisitionTime = f"{start:%Y%m%d}", f"{start:%H%M%S.%f}"
        if content.get("FrameAcquisitionDuration") is not None:
            single.ActualFrameDuration = decimal(content.FrameAcquisitionDuration)
        yield single
