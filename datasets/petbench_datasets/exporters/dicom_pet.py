"""What every PET series has that petbench writes as DICOM: PS3.3, tables A.21-1 and C.8-60 and after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset as DicomDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from petbench_datasets.images.decay import average_count_seconds, remaining

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.images.suv import Calibration
    from petbench_datasets.tasks.task import Task

_LARGEST_STORED = 32767
_TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "StudyID", "AccessionNumber", "SeriesNumber", "CollimatorType", "PositionReferenceIndicator", "Manufacturer",
    "Laterality",
)  # fmt: skip
"""Elements that must be there, and may be empty."""

_ENTERED = {"HF": ("102540008", "headfirst"), "FF": ("102541007", "feet-first")}
_FACED = {"S": ("40199007", "supine"), "P": ("1240000", "prone")}


_NUCLIDE_CODES = {
    "F18": ("77004003", "^18^Fluorine"),
    "Ga68": ("49026006", "^68^Gallium"),
    "C11": ("40565003", "^11^Carbon"),
    "N13": ("21576001", "^13^Nitrogen"),
    "O15": ("80751004", "^15^Oxygen"),
    "Rb82": ("79197006", "^82^Rubidium"),
}
"""SNOMED's codes, as the import reads them."""


@dataclass(frozen=True)
class Plane:
    """One slice: its place in DICOM's world (left, posterior, superior), as text of DICOM's, and its values."""

    position: tuple[str, ...]
    orientation: tuple[str, ...]
    spacing: tuple[str, ...]
    thickness: str
    values: NDArray[np.float64]


def pet_series(
    start: dt.datetime, duration_seconds: float, half_life_seconds: float, *, is_suv: bool, derivation: str
) -> DicomDataset:
    """Return the elements of a static, derived PET series that is decay-corrected to its own start.

    Patient, study and tracer are the caller's to add.

    Args:
        start: of the measurement, local time.
        duration_seconds: of the measurement.
        half_life_seconds: of the nuclide.
        is_suv: whether the values are SUV by body weight, and not Bq/mL.
        derivation: what the image was made of, and how.
    """
    series = DicomDataset()
    series.SpecificCharacterSet = "ISO_IR 192"
    series.SOPClassUID = PositronEmissionTomographyImageStorage
    series.Modality = "PT"
    series.ImageType = ["DERIVED", "PRIMARY"]
    series.DerivationDescription = derivation
    series.SeriesType = ["STATIC", "IMAGE"]
    series.Units = "GML" if is_suv else "BQML"
    if is_suv:
        series.SUVType = "BW"
    series.CountsSource = "EMISSION"
    series.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    series.DecayCorrection = "START"
    average = average_count_seconds(duration_seconds, half_life_seconds)
    series.DecayFactor = short(1.0 / remaining(average, half_life_seconds))
    series.FrameReferenceTime = short(average * 1000.0)
    series.ActualFrameDuration = round(duration_seconds * 1000)
    series.SeriesDate = series.AcquisitionDate = start.strftime("%Y%m%d")
    series.SeriesTime = series.AcquisitionTime = start.strftime("%H%M%S.%f")
    series.PatientOrientationCodeSequence = []
    series.PatientGantryRelationshipCodeSequence = []
    return series


def lie_as(series: DicomDataset, position: str) -> None:
    """Say in the codes that PET has for it what PatientPosition says, such as HFS: head first, supine.

    PatientPosition itself may not stand beside these codes. Of a position that they have no word for, nothing is said.
    """
    if position[:2] in _ENTERED and position[2:] in _FACED:
        facing = coded(DicomDataset(), "102538003", "Recumbent")
        facing.PatientOrientationModifierCodeSequence = [coded(DicomDataset(), *_FACED[position[2:]])]
        series.PatientOrientationCodeSequence = [facing]
        series.PatientGantryRelationshipCodeSequence = [coded(DicomDataset(), *_ENTERED[position[:2]])]


def coded(item: DicomDataset, value: str, meaning: str) -> DicomDataset:
    """Make an item a code of SNOMED CT, and return it."""
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def tracer_item(
    injection: dt.datetime | None, half_life_seconds: float, dose_bq: float | None, task: Task
) -> DicomDataset:
    """Return the item of the Radiopharmaceutical Information Sequence for the tracer of a task.

    A nuclide without a code here is told by the tracer's name and by its half-life, which are what readers go by then.
    """
    tracer = DicomDataset()
    code = _NUCLIDE_CODES.get(task.radionuclide)
    tracer.Radiopharmaceutical = task.tracer if code else task.subject
    tracer.RadionuclideHalfLife = short(half_life_seconds)
    if injection is not None:
        tracer.RadiopharmaceuticalStartTime = injection.strftime("%H%M%S.%f")
        tracer.RadiopharmaceuticalStartDateTime = injection.strftime("%Y%m%d%H%M%S.%f")
    if dose_bq is not None:
        tracer.RadionuclideTotalDose = short(dose_bq)
    tracer.RadionuclideCodeSequence = [coded(DicomDataset(), *code)] if code else []
    return tracer


def bq_per_ml_of_one_suv(calibration: Calibration, seconds: float) -> float:
    """Return the Bq/mL of SUV 1 in an image that is decay-corrected to `seconds` after the injection."""
    left = calibration.injected_bq * remaining(seconds, calibration.half_life_seconds)
    return left / (1000.0 * calibration.weight_kilograms)


def write_planes(folder: Path, series: DicomDataset, planes: Iterable[Plane], count: int) -> None:
    """Write one file a plane, `0001.dcm` and so on.

    Values are 16-bit with a slope of their own for every plane, as scanners write them, so that they come back within
    one step: the plane's maximum over 32767.

    Args:
        folder: made if need be.
        series: what all files share, `SeriesInstanceUID` among it.
        planes: in their order.
        count: how many there are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index, plane in enumerate(planes):
        dataset = DicomDataset()
        dataset.update(series)
        for name in _TYPE_2:
            if name not in dataset:
                setattr(dataset, name, None)
        dataset.SOPInstanceUID = uid(series.SeriesInstanceUID, str(index))
        dataset.NumberOfSlices = count
        dataset.InstanceNumber = dataset.ImageIndex = index + 1
        dataset.ImagePositionPatient = list(plane.position)
        dataset.ImageOrientationPatient = list(plane.orientation)
        dataset.PixelSpacing = list(plane.spacing)
        dataset.SliceThickness = plane.thickness
        _set_pixels(dataset, plane.values)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _set_pixels(dataset: DicomDataset, values: NDArray[np.float64]) -> None:
    slope = short(max(float(np.abs(values).max()) / _LARGEST_STORED * (1 + 1e-9), 1e-12))
    stored = np.clip(np.rint(values / float(slope)), -_LARGEST_STORED, _LARGEST_STORED).astype("<i2")
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, "0"
    dataset.PixelData = stored.tobytes()


def uid(*parts: str) -> UID:
    """Return a UID that is always the same for the same thing (from a hash, as DICOM B.2 allows for UUIDs)."""
    number = int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:16], "big")
    return UID(f"2.25.{number}")


def short(value: float) -> str:
    """Return a number in the 16 characters that a DICOM decimal string may have."""
    return f"{value:.9g}" if len(f"{value:.9g}") <= 16 else f"{value:.6g}"
