"""Writing a predicted image as a derived DICOM PET series of the study that it was predicted from."""

from __future__ import annotations

import datetime as dt
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset as DicomDataset

from petbench_datasets.exporters.dicom_pet import (
    Plane,
    bq_per_ml_of_one_suv,
    lie_as,
    pet_series,
    short,
    tracer_item,
    uid,
    write_planes,
)
from petbench_datasets.exporters.images import new_folder
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.predicted import PREDICTED
from petbench_datasets.images.windows import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench_datasets.images.grid import Volume
    from petbench_datasets.images.suv import Calibration
    from petbench_datasets.tasks.task import Task

_KEPT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence",
    "TimezoneOffsetFromUTC",
)  # fmt: skip
"""Of the scan's header: whose study it is, and where its coordinates belong."""

_FIRST_NUMBER = 9000


@dataclass(frozen=True)
class Prediction:
    """A predicted image and what its series says of it.

    Attributes:
        image: in SUV, shape (z, y, x).
        grid: of the scan it was predicted from, and of the image.
        calibration: of the scan; None where that was stored in SUV.
        is_suv: whether the series is to hold SUV, and not Bq/mL.
        injected_at: time of day, `HH:MM:SS`; empty where it is not known.
        made_by: the model, and what it is not for, for people.
        identity: of the model; another one gives another series.
        task: that the model was trained for.
    """

    image: Volume
    grid: Grid
    calibration: Calibration | None
    is_suv: bool
    injected_at: str
    made_by: str
    identity: str
    task: Task


def write_predicted_series(folder: Path, prediction: Prediction, files: Sequence[Path]) -> None:
    """Write a series with one slice for each of the scan's, at its place, in the scan's study and frame of reference.

    The series is decay-corrected to the start of the task's delayed window, so that every workstation finds the
    predicted SUV. It is marked as derived, and as a prediction.

    Args:
        folder: of the series, new.
        prediction: what to write.
        files: of the scan's slices, in any order.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    headers = sorted((_header(path) for path in files), key=lambda header: int(header.get("InstanceNumber") or 0))
    first = headers[0]
    start_seconds, stop_seconds = prediction.task.delayed_seconds
    frame = Frame(start_seconds, stop_seconds - start_seconds)
    calibration = prediction.calibration
    half_life = calibration.half_life_seconds if calibration else prediction.task.half_life_seconds
    injection = _injection(first, prediction.injected_at)
    start = _scan_start(first) if injection is None else injection + dt.timedelta(seconds=frame.start_seconds)
    derivation = f"{PREDICTED}: {prediction.made_by}"
    series = pet_series(
        start, frame.duration_seconds, half_life, is_suv=prediction.is_suv, derivation=derivation[:1024]
    )
    lie_as(series, str(first.get("PatientPosition") or ""))
    for name in _KEPT:
        if name in first:
            series[name] = first[name]
    if calibration is not None:
        series.PatientWeight = short(calibration.weight_kilograms)
    content = hashlib.sha256(prediction.image.tobytes()).hexdigest()
    series.SeriesInstanceUID = uid(str(first.SeriesInstanceUID), prediction.identity, content, str(prediction.is_suv))
    series.SeriesNumber = _FIRST_NUMBER + int(first.get("SeriesNumber") or 0) % 1000
    series.SeriesDescription = "PREDICTED delayed PET, not measured"
    series.ImageComments = "Research only: a predicted image is no measurement and no basis for a diagnosis"
    series.Manufacturer, series.ManufacturerModelName = "petbench", "prediction"
    dose = None if calibration is None else calibration.injected_bq
    series.RadiopharmaceuticalInformationSequence = [tracer_item(injection, half_life, dose, prediction.task)]
    series.SourceImageSequence = [_reference(header) for header in headers]
    per_suv = 1.0
    if not prediction.is_suv and calibration is not None:
        per_suv = bq_per_ml_of_one_suv(calibration, frame.start_seconds)
    with new_folder(folder) as temporary:
        write_planes(temporary, series, _planes(prediction, headers, per_suv), len(headers))


def _header(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import has read it before
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        header.decode()  # names in the scan's character set are written in UTF-8
        return header


def is_predicted_series(folder: Path) -> bool:
    """Return whether a folder holds a predicted series and nothing else, so that it may be replaced."""
    return all(
        path.suffix == ".dcm" and str(_header(path).get("DerivationDescription", "")).startswith(PREDICTED)
        for path in folder.iterdir()
    )


def _planes(prediction: Prediction, headers: Sequence[Any], per_suv: float) -> Iterator[Plane]:
    """Yield the predicted image at the place of each slice of the scan: by coordinates, whatever its axes are."""
    thickness = prediction.grid.spacing_millimetres[0]
    for header in headers:
        texts = [tuple(str(value) for value in header[name].value) for name in _PLACE]
        position, orientation, spacing = (np.array(text, dtype=np.float64) for text in texts)
        rows, columns = orientation[:3], orientation[3:]
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = rows * spacing[1], columns * spacing[0]
        affine[:3, 2], affine[:3, 3] = np.cross(rows, columns) * thickness, position
        affine[:2] *= -1.0  # DICOM's world to NIfTI's
        plane = Grid((1, int(header.Rows), int(header.Columns)), affine)
        values = resample(prediction.image, prediction.grid, plane, smoothed=False)[0].astype(np.float64) * per_suv
        yield Plane(texts[0], texts[1], texts[2], str(header.get("SliceThickness") or short(thickness)), values)


_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def _reference(header: Any) -> DicomDataset:
    item = DicomDataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item


def _scan_start(header: Any) -> dt.datetime:
    day = next(
        (str(header.get(name)) for name in ("SeriesDate", "AcquisitionDate", "StudyDate") if header.get(name)), ""
    )
    clock = str(header.get("SeriesTime") or header.get("AcquisitionTime") or "0")
    whole, _, fraction = clock.partition(".")
    text = f"{day.replace('.', '') or '19000101'}{whole.replace(':', '').ljust(6, '0')[:6]}.{(fraction or '0')[:6]}"
    return dt.datetime.strptime(text, "%Y%m%d%H%M%S.%f")


def _injection(header: Any, injected_at: str) -> dt.datetime | None:
    """Return when the tracer was injected: that time of day, before the scan began."""
    if not injected_at:
        return None
    start = _scan_start(header)
    moment = dt.datetime.combine(start.date(), dt.time.fromisoformat(injected_at))
    return moment if moment <= start else moment - dt.timedelta(days=1)
