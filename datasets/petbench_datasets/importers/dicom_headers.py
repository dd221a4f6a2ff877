"""What petbench reads of the header of a DICOM PET slice, as plain values."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from petbench_datasets.boundary import MOST_DEFLATED, reading, without_warnings
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.dicom_fields import DICOM_FIELDS
from petbench_datasets.importers.dicom_elements import Elements
from petbench_datasets.importers.dicom_values import (
    age_years,
    calendar_day,
    clock_time,
    is_no_date,
    moment,
    offset_minutes,
    parse_datetime,
)

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.importers.dicom_values import Moment


@dataclass(frozen=True)
class Tracer:
    """The injection, from the Radiopharmaceutical Information Sequence; None for what is not said.

    `start` is as its own clock says it, `start_offset_minutes` that clock's offset from UTC where it is given.
    """

    name: str
    radionuclide: str
    dose: float | None
    half_life_seconds: float | None
    start: Moment | None
    start_offset_minutes: int | None
    start_clock: dt.time | None
    stop: Moment | None
    stop_clock: dt.time | None


@dataclass(frozen=True)
class SliceHeader:
    """One slice of a PET series; `patient_name` and `birth_date` tell people apart, and are never written.

    Times are the scanner's local ones; durations are in milliseconds as DICOM has them.

    `factors` holds vendors' private numbers: `philips_suv` (7053,1000), `philips_bq_per_ml` (7053,1009).
    `vendor_start` is the scan's start as GE (0009,100D) or Siemens (0071,1022) keep it. `has_date` is None where there
    is no date at all, and False where there is one that no scanner wrote.
    """

    path: Path
    frame: int | None
    instance: str
    series: str
    study: str
    participant: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    age: str
    age_years: float | None
    height_metres: float | None
    weight: float | None
    description: str
    derivation: str
    manufacturer: str
    model: str
    image_type: tuple[str, ...]
    series_type: tuple[str, ...]
    counts_source: str
    units: str
    suv_type: str
    corrections: frozenset[str]
    decay_correction: str
    decay_factor: float | None
    calibration_factor: float | None
    reconstruction: str
    convolution_kernel: str
    attenuation: str
    has_date: bool | None
    has_time: bool
    timezone_minutes: int | None
    series_start: Moment | None
    acquisition_start: Moment | None
    acquisition_datetime: Moment | None
    vendor_start: Moment | None
    reference_milliseconds: float | None
    duration_milliseconds: float
    number_of_slices: float | None
    image_index: float | None
    temporal_position: float | None
    instance_number: int
    frame_of_reference: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    slice_thickness: float | None
    matrix: tuple[int, int]
    slope: float
    intercept: float
    factors: dict[str, float] = field(compare=False)
    tracer: Tracer | None

    @property
    def tracer_name(self) -> str:
        """What the header calls the tracer; empty when it does not."""
        return "" if self.tracer is None else self.tracer.name


def slice_header(path: Path, dataset: Any, frame: int | None = None) -> SliceHeader:
    """Read one slice's header.

    Args:
        path: of its file.
        dataset: the header.
        frame: which frame of its file it is, from 0; None for a file with one slice.

    Raises:
        DataError: an element that is missing and required, or not what it may be.
    """
    with reading(path), without_warnings():
        return _convert(path, dataset, frame)


def _convert(path: Path, dataset: Any, frame: int | None) -> SliceHeader:
    read = Elements(path, dataset)
    dates = [read.text(name) for name in ("SeriesDate", "AcquisitionDate", "StudyDate")]
    dated = [text for text in dates if calendar_day(text) is not None]
    date = dated[0] if dated else ""
    acquired_on = dates[1] if calendar_day(dates[1]) is not None else date
    timezone = offset_minutes(read.text("TimezoneOffsetFromUTC"))
    factors = {"philips_suv": "PhilipsSUVFactor", "philips_bq_per_ml": "PhilipsActivityFactor"}
    found = {name: read.number(element) for name, element in factors.items()}
    instance_number = read.number("InstanceNumber")
    matrix = (int(read.needed("Rows")), int(read.needed("Columns")))
    _require_pixels(read, matrix)
    return SliceHeader(
        path=path,
        frame=frame,
        instance=read.text("SOPInstanceUID") or str(path),
        series=read.needed_text("SeriesInstanceUID"),
        study=read.text("StudyInstanceUID"),
        participant=read.text("PatientID") or pseudonym(read.text("PatientName")),
        patient_id=read.text("PatientID"),
        patient_name=read.text("PatientName").strip("^ "),
        birth_date=read.text("PatientBirthDate"),
        sex=read.text("PatientSex"),
        age=read.text("PatientAge"),
        age_years=age_years(read.text("PatientAge")),
        height_metres=read.number("PatientSize"),
        weight=read.number("PatientWeight"),
        description=read.text("SeriesDescription"),
        derivation=read.text("DerivationDescription"),
        manufacturer=read.text("Manufacturer"),
        model=read.text("ManufacturerModelName"),
        image_type=read.texts("ImageType"),
        series_type=read.texts("SeriesType"),
        counts_source=read.word("CountsSource"),
        units=read.word("Units"),
        suv_type=read.word("SUVType"),
        corrections=frozenset(read.texts("CorrectedImage")),
        decay_correction=read.word("DecayCorrection"),
        decay_factor=read.number("DecayFactor"),
        calibration_factor=read.number("DoseCalibrationFactor"),
        reconstruction=read.text("ReconstructionMethod"),
        convolution_kernel=read.text("ConvolutionKernel"),
        attenuation=read.text("AttenuationCorrectionMethod"),
        has_date=None if not dated else not is_no_date(date),
        has_time=any(clock_time(read.text(name)) for name in ("SeriesTime", "AcquisitionTime")),
        timezone_minutes=timezone,
        series_start=moment(date, read.text("SeriesTime")),
        acquisition_start=moment(acquired_on, read.text("AcquisitionTime")),
        acquisition_datetime=_local(read.text("AcquisitionDateTime"), timezone),
        vendor_start=parse_datetime(read.text("GEScanDateTime") or read.text("SiemensScanDateTime")),
        reference_milliseconds=read.number("FrameReferenceTime"),
        duration_milliseconds=read.needed("ActualFrameDuration"),
        number_of_slices=read.number("NumberOfSlices"),
        image_index=read.number("ImageIndex"),
        temporal_position=read.number("TemporalPositionIdentifier"),
        instance_number=int(instance_number or 0),
        frame_of_reference=read.text("FrameOfReferenceUID"),
        position=read.numbers("ImagePositionPatient", 3),
        orientation=_orientation(read),
        pixel_spacing=read.numbers("PixelSpacing", 2),
        slice_thickness=read.number("SliceThickness"),
        matrix=matrix,
        slope=read.needed("RescaleSlope"),
        intercept=read.needed("RescaleIntercept"),
        factors={name: value for name, value in found.items() if value},
        tracer=_tracer(path, read.raw("RadiopharmaceuticalInformationSequence")),
    )


def _orientation(read: Elements) -> tuple[float, ...]:
    """Return the directions of rows and columns: two unit vectors at right angles."""
    found = read.numbers("ImageOrientationPatient", 6)
    row, column = found[:3], found[3:]
    products = (
        sum(one * one for one in row) - 1.0,
        sum(one * one for one in column) - 1.0,
        sum(one * other for one, other in zip(row, column, strict=True)),
    )
    if max(map(abs, products)) > 0.01:
        raise DataError(
            f"{read.path}: {DICOM_FIELDS['ImageOrientationPatient'].label} is {list(found)}, no two unit vectors at "
            "right angles; export the series again"
        )
    return found


def _require_pixels(read: Elements, matrix: tuple[int, int]) -> None:
    """Raise unless the pixels are grey numbers, and no more of them than the file can hold."""
    read.needed("SamplesPerPixel")
    allocated = int(read.word("BitsAllocated"))
    stored, high = int(read.needed("BitsStored")), int(read.needed("HighBit"))
    if stored > allocated or high != stored - 1:
        raise DataError(
            f"{read.path}: BitsAllocated (0028,0100) is {allocated}, BitsStored (0028,0101) {stored} and HighBit "
            f"(0028,0102) {high}, which contradict each other; export the series again"
        )
    for name in ("PhotometricInterpretation", "PixelRepresentation"):
        read.word(name)
    syntax = getattr(getattr(read.dataset, "file_meta", None), "TransferSyntaxUID", None)
    packed = syntax is not None and (syntax.is_compressed or syntax.is_deflated)
    room = read.path.stat().st_size * (MOST_DEFLATED if packed else 1)
    if matrix[0] * matrix[1] * allocated // 8 > room:
        raise DataError(
            f"{read.path}: Rows (0028,0010) is {matrix[0]} and Columns (0028,0011) {matrix[1]}, more pixels than the "
            "file holds; it is cut short or damaged: copy or export it again"
        )


def _local(text: str, timezone_minutes: int | None) -> Moment | None:
    """Return a date-time on the scanner's clock; None where its offset from UTC cannot be brought to that."""
    found, offset = parse_datetime(text), offset_minutes(text)
    if found is None or offset is None or offset == timezone_minutes:
        return found
    return None if timezone_minutes is None else found + dt.timedelta(minutes=timezone_minutes - offset)


def _tracer(path: Path, sequence: Any) -> Tracer | None:
    if not sequence:
        return None
    if any(item != sequence[0] for item in sequence):
        raise DataError(f"{path}: names {len(sequence)} unlike injections; export the scans of one")
    read = Elements(path, sequence[0])
    codes = read.raw("RadionuclideCodeSequence") or [{}]
    start = read.text("RadiopharmaceuticalStartDateTime")
    return Tracer(
        name=read.text("Radiopharmaceutical"),
        radionuclide=" ".join(
            part for part in (str(codes[0].get(key) or "") for key in ("CodeMeaning", "CodeValue")) if part
        ),
        dose=read.number("RadionuclideTotalDose"),
        half_life_seconds=read.number("RadionuclideHalfLife"),
        start=parse_datetime(start),
        start_offset_minutes=offset_minutes(start) if parse_datetime(start) else None,
        start_clock=clock_time(read.text("RadiopharmaceuticalStartTime")),
        stop=parse_datetime(read.text("RadiopharmaceuticalStopDateTime")),
        stop_clock=clock_time(read.text("RadiopharmaceuticalStopTime")),
    )


def pseudonym(name: str) -> str:
    """Name a participant without an identifier by a hash: a person's name must not end up in a file's name."""
    return f"unnamed{hashlib.sha256(name.encode()).hexdigest()[:6]}" if name else ""
