"""Writing a dataset's pairs as classic DICOM PET series: `export_dicom`."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset as DicomDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from petbench_datasets.exporters.images import effective_frame, new_folder
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, average_count_seconds, remaining
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.tables import Row

_INJECTION = dt.datetime(2000, 1, 1, 9, 0, 0)
_LARGEST_STORED = 32767


def export_dicom(dataset: Dataset, folder: Path, progress: Progress = silent) -> None:
    """Write every image as a PET series in Bq/mL (SUV where the dataset has no dose), one file a slice.

    Values are 16-bit with a slope of their own for every slice, as scanners write them, so that SUV comes back
    within one step: the slice's maximum over 32767. Identifiers and dates are made up from the participant's name.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    with new_folder(folder) as temporary:
        for number, name in enumerate(dataset.participants):
            progress("exporting the dataset", number, len(dataset.participants))
            pair, plan = dataset.pair(name), dataset.plans[name]
            for volume, window in ((pair.early, plan.early), (pair.delayed, plan.delayed)):
                target = temporary / name / window.name
                target.mkdir(parents=True)
                _write_series(target, volume, pair.grid, window, name, dataset.table.get(name, {}))
    progress("exporting the dataset", len(dataset.participants), len(dataset.participants))


def _write_series(folder: Path, suv: Volume, grid: Grid, window: WindowFrames, name: str, row: Row) -> None:
    series = _series(window, name, row, grid)
    calibration = window.uses[0].scan.calibration
    values = suv.astype(np.float64)
    if calibration is not None:
        start = window.effective_seconds[0]
        dose = calibration.injected_bq * remaining(start, calibration.half_life_seconds)
        values *= dose / (calibration.weight_kilograms * 1000.0)
    axes = grid.affine[:3, :3].copy()
    axes[:2] *= -1.0  # NIfTI's world to DICOM's
    origin = grid.affine[:3, 3] * np.array([-1.0, -1.0, 1.0])
    steps = np.sqrt((axes**2).sum(axis=0))
    for index, plane in enumerate(values):
        dataset = DicomDataset()
        dataset.update(series)
        dataset.SOPInstanceUID = _uid(series.SeriesInstanceUID, str(index))
        dataset.InstanceNumber = dataset.ImageIndex = index + 1
        dataset.ImagePositionPatient = [_short(value) for value in origin + axes[:, 2] * index]
        dataset.ImageOrientationPatient = [_short(v) for v in (*(axes[:, 0] / steps[0]), *(axes[:, 1] / steps[1]))]
        dataset.PixelSpacing = [_short(steps[1]), _short(steps[0])]
        dataset.SliceThickness = _short(steps[2])
        slope = float(_short(max(float(np.abs(plane).max()) / _LARGEST_STORED * (1 + 1e-9), 1e-12)))
        dataset.RescaleSlope, dataset.RescaleIntercept = _short(slope), "0"
        dataset.PixelData = np.clip(np.rint(plane / slope), -_LARGEST_STORED, _LARGEST_STORED).astype("<i2").tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _series(window: WindowFrames, name: str, row: Row, grid: Grid) -> DicomDataset:
    """Return all elements that the slices of one series share."""
    scan, frame = window.uses[0].scan, effective_frame(window)
    calibration = scan.calibration
    start = _INJECTION + dt.timedelta(seconds=frame.start_seconds)
    half_life = calibration.half_life_seconds if calibration else HALF_LIFE_SECONDS["F18"]
    dataset = DicomDataset()
    dataset.SOPClassUID = PositronEmissionTomographyImageStorage
    dataset.Modality = "PT"
    dataset.PatientID = name.removeprefix("sub-")
    dataset.PatientName = dataset.PatientID
    dataset.PatientSex = row.get("sex", "")[:1]
    if row.get("age", "").isdigit():
        dataset.PatientAge = f"{int(row['age']):03d}Y"
    if row.get("height"):
        dataset.PatientSize = _short(float(row["height"]) / 100.0)
    if row.get("body_weight"):
        dataset.PatientWeight = row["body_weight"]
    if calibration is not None:
        dataset.PatientWeight = _short(calibration.weight_kilograms)
    dataset.StudyInstanceUID = _uid(name, "study")
    dataset.SeriesInstanceUID = _uid(name, window.name)
    dataset.FrameOfReferenceUID = _uid(name, "frame of reference")
    dataset.SeriesDescription = f"{window.name} PET AC"
    dataset.Manufacturer, dataset.ManufacturerModelName = "petbench", "export"
    dataset.StudyDate = _INJECTION.strftime("%Y%m%d")
    dataset.SeriesDate = dataset.AcquisitionDate = start.strftime("%Y%m%d")
    dataset.SeriesTime = dataset.AcquisitionTime = start.strftime("%H%M%S.%f")
    dataset.SeriesType = ["STATIC", "IMAGE"]
    dataset.Units = "BQML" if calibration else "GML"
    dataset.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    dataset.DecayCorrection = "START"
    dataset.ActualFrameDuration = round(frame.duration_seconds * 1000)
    dataset.FrameReferenceTime = _short(average_count_seconds(frame.duration_seconds, half_life) * 1000.0)
    dataset.NumberOfSlices = grid.shape[0]
    dataset.Rows, dataset.Columns = grid.shape[1], grid.shape[2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    tracer = DicomDataset()
    tracer.Radiopharmaceutical = "FDG"
    tracer.RadiopharmaceuticalStartTime = _INJECTION.strftime("%H%M%S")
    tracer.RadiopharmaceuticalStartDateTime = _INJECTION.strftime("%Y%m%d%H%M%S")
    tracer.RadionuclideHalfLife = _short(half_life)
    if calibration is not None:
        tracer.RadionuclideTotalDose = _short(calibration.injected_bq)
    code = DicomDataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "^18^Fluorine"
    tracer.RadionuclideCodeSequence = [code]
    dataset.RadiopharmaceuticalInformationSequence = [tracer]
    return dataset


def _uid(*parts: str) -> UID:
    """Return a UID that is always the same for the same thing (from a hash, as DICOM B.2 allows for UUIDs)."""
    number = int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:16], "big")
    return UID(f"2.25.{number}")


def _short(value: float) -> str:
    """Return a number in the 16 characters that a DICOM decimal string may have."""
    return f"{value:.9g}" if len(f"{value:.9g}") <= 16 else f"{value:.6g}"
