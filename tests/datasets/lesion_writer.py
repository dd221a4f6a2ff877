"""A small PET pair and lesions drawn on it: as DICOM SEG by highdicom, as RTSTRUCT element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pydicom
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from tests.datasets.dicom_writer import write_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import highdicom
    from numpy.typing import NDArray

SHAPE = (14, 24, 20)  # slices, rows, columns
FIRST = np.array([-47.5, -57.5, 100.0])  # left, posterior, superior of the first voxel's centre
STEPS = np.array([5.0, 5.0, 4.0])  # of columns, rows, slices
FRAME = "1.2.77.1"
EARLY, DELAYED = "1.2.77.2", "1.2.77.3"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
ALTERED = ("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMY = ("123037004", "SCT", "Anatomical Structure")


def write_scan(folder: Path, patient: str = "P-1", shift: float = 0.0, **delayed_changes: Any) -> Path:
    """Write an early and a delayed series of one body; `shift` moves the delayed one along the table, in mm."""
    times = {EARLY: ("100700", 840_000), DELAYED: ("104200", 1_260_000)}
    for number, (series, (clock, duration)) in enumerate(times.items()):
        first = FIRST + np.array([0.0, 0.0, shift * number])
        common: dict[str, Any] = {
            "PatientID": patient, "SeriesTime": clock, "AcquisitionTime": clock, "ActualFrameDuration": duration,
            "FrameOfReferenceUID": FRAME, "StudyInstanceUID": "1.2.77", "StudyDate": "20200101", "StudyTime": "100000",
            "PixelSpacing": list(STEPS[1::-1]), "SliceThickness": STEPS[2], "NumberOfSlices": SHAPE[0],
            "StudyID": "1", "AccessionNumber": "", "PatientName": "", "PatientBirthDate": "",
            "ReferringPhysicianName": "",
        }  # fmt: skip
        pixels = np.random.default_rng(number).integers(100, 9000, SHAPE).astype(np.int16)
        write_series(
            folder / ("delayed" if number else "early"),
            pixels,
            lambda index, at=first: {"ImagePositionPatient": [*at[:2], at[2] + STEPS[2] * index]},  # type: ignore[misc]
            series=series,
            **(common | (delayed_changes if number else {})),
        )
    return folder


def points(grid_first: NDArray[np.float64] = FIRST) -> NDArray[np.float64]:
    """Return where every voxel's centre is, (left, posterior, superior), shape (z, y, x, 3)."""
    z, y, x = np.indices(SHAPE)
    return np.asarray(np.stack([x, y, z], axis=-1) * STEPS + grid_first)


def sphere(centre: Sequence[float], radius: float) -> NDArray[np.bool_]:
    return np.asarray(((points() - np.asarray(centre)) ** 2).sum(axis=-1) <= radius**2)


def circle(centre: Sequence[float], radius: float, count: int = 60) -> list[list[float]]:
    """Return points on a circle in a transverse plane."""
    angles = np.arange(count) * 2 * np.pi / count
    x, y, z = centre
    return [[x + radius * float(np.cos(a)), y + radius * float(np.sin(a)), z] for a in angles]


def ball(centre: Sequence[float], radius: float, step: float) -> list[list[list[float]]]:
    """Return the contours of a ball, in planes `step` apart through its centre."""
    x, y, z = centre
    heights = np.arange(-np.floor(radius / step), np.floor(radius / step) + 1) * step
    return [circle((x, y, z + h), float(np.sqrt(radius**2 - h**2))) for h in heights if abs(h) < radius]


def item(**elements: Any) -> Dataset:
    found = Dataset()
    for name, value in elements.items():
        if value is not ...:
            setattr(found, name, value)
    return found


def write_rtstruct(
    path: Path,
    regions: Mapping[str, Sequence[Sequence[Sequence[float]]]],
    types: Mapping[str, str] | None = None,
    *,
    frame: str = FRAME,
    series: str = DELAYED,
    patient: str = "P-1",
    geometric: str = "CLOSED_PLANAR",
    slab: float | None = None,
) -> Path:
    """Write contours, (left, posterior, superior) in mm, by the name of their region; `types` says what each is."""
    referred = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=series)], ReferencedSOPInstanceUID="1.2.77")
    dataset = item(
        SOPClassUID=RTSTRUCT, SOPInstanceUID=f"1.2.78.{crc32(path.name.encode())}", Modality="RTSTRUCT",
        SpecificCharacterSet="ISO_IR 192",
        PatientID=patient, StudyInstanceUID="1.2.77", SeriesInstanceUID="1.2.77.9", StructureSetLabel="lesions",
        ReferencedFrameOfReferenceSequence=[item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[referred])],
        StructureSetROISequence=[
            item(ROINumber=number, ReferencedFrameOfReferenceUID=frame, ROIName=name)
            for number, name in enumerate(regions, start=1)
        ],
        RTROIObservationsSequence=[
            item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType=(types or {}).get(name, ""))
            for number, name in enumerate(regions, start=1)
        ],
        ROIContourSequence=[
            item(
                ReferencedROINumber=number,
                ContourSequence=[
                    item(
                        ContourGeometricType=geometric,
                        NumberOfContourPoints=len(contour),
                        ContourSlabThickness=... if slab is None else slab,
                        ContourData=[f"{value:.10g}" for point in contour for value in point],
                    )
                    for contour in contours
                ],
            )
            for number, contours in enumerate(regions.values(), start=1)
        ],
    )  # fmt: skip
    return save(dataset, path)


def save(dataset: Dataset, path: Path) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(str(dataset.SOPClassUID))
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(str(dataset.SOPInstanceUID))
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_seg(
    path: Path,
    sources: Path,
    masks: Mapping[str, NDArray[Any]],
    category: tuple[str, str, str] = ALTERED,
    *,
    kind: str = "BINARY",
    pixels: highdicom.Volume | None = None,
    **changes: Any,
) -> Path:
    """Write masks, (slice, row, column) of the series in `sources`, or in `pixels` of their own, as highdicom does."""
    images = sorted((pydicom.dcmread(each) for each in sources.iterdir()), key=lambda one: one.ImagePositionPatient[2])
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=CodedConcept(*category),
            segmented_property_type=CodedConcept("52988006", "SCT", "Lesion"),
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(masks, start=1)
    ]
    stacked = np.stack(list(masks.values()), axis=-1)
    stacked = stacked.astype(np.float32) if kind == "FRACTIONAL" else stacked.astype(np.uint8)
    if kind == "LABELMAP":
        stacked = (stacked * np.arange(1, len(masks) + 1)).max(axis=-1).astype(np.uint8)
    segmentation = Segmentation(
        source_images=images,
        pixel_array=stacked if pixels is None else pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid="1.2.77.10",
        series_number=10,
        sop_instance_uid=f"1.2.79.{crc32(path.name.encode())}",
        instance_number=1,
        manufacturer="petbench",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
    )
    for name, value in changes.items():
        setattr(segmentation, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    segmentation.save_as(path)
    return path
