"""What petbench reads of the header of a DICOM PET slice, as plain values."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError
from petbench_datasets.importers.dicom_values import (
    clock_time,
    moment,
    number,
    parse_datetime,
    private_number,
    private_text,
)

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from petbench_datasets.importers.dicom_values import Moment


@dataclass(frozen=True)
class Tracer:
    """The injection, from the first item of the Radiopharmaceutical Information Sequence; None for what is not said."""

    name: str
    radionuclide: str
    dose: float | None
    half_life_seconds: float | None
    start: Moment | None
    start_clock: dt.time | None


@dataclass(frozen=True)
class SliceHeader:
    """One slice of a PET series. Times are the scanner's local ones; durations are in milliseconds as DICOM has them.

    `factors` holds vendors' private numbers: `philips_suv` (7053,1000), `philips_bq_per_ml` (7053,1009).
    `vendor_start` is the scan's start as GE (0009,100D) or Siemens (0071,1022) keep it.
    """

    path: Path
    instance: str
    series: str
    participant: str
    sex: str
    age: str
    height_metres: float | None
    weight: float | None
    description: str
    derivation: str
    manufacturer: str
    model: str
    series_type: tuple[str, ...]
    units: str
    suv_type: str
    corrections: frozenset[str]
    decay_correction: str
    decay_factor: float | None
    calibration_factor: float | None
    reconstruction: str
    attenuation: str
    series_start: Moment | None
    acquisition_start: Moment | None
    vendor_start: Moment | None
    reference_milliseconds: float | None
    duration_milliseconds: float | None
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
    factors: dict[str, float]
    tracer: Tracer | None

    def with_given(self, weight_kilograms: float | None, injected_bq: float | None) -> SliceHeader:
        """Return the header with a weight and a dose that go before its own; None leaves what it says."""
        if weight_kilograms is None and injected_bq is None:
            return self
        weight = self.weight if weight_kilograms is None else weight_kilograms
        if injected_bq is None or self.tracer is None:
            return dataclasses.replace(self, weight=weight)
        return dataclasses.replace(self, weight=weight, tracer=dataclasses.replace(self.tracer, dose=injected_bq))

    @property
    def tracer_name(self) -> str:
        """What the header calls the tracer; empty when it does not."""
        return "" if self.tracer is None else self.tracer.name


def slice_header(path: Path, dataset: Any) -> SliceHeader:
    """Read one slice's header.

    Raises:
        DataError: an element that is not what DICOM says.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _convert(path, dataset)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise DataError(f"{path}: a DICOM element cannot be read ({error}); export the series again") from error


def _convert(path: Path, dataset: Any) -> SliceHeader:
    def text(name: str) -> str:
        value = dataset.get(name)
        return "" if value is None else str(value).strip()

    def values(name: str) -> tuple[Any, ...]:
        value = dataset.get(name)
        if value is None or value == "":
            return ()
        return (value,) if isinstance(value, (str, int, float)) else tuple(value)

    philips = {"philips_suv": (0x7053, 0x1000), "philips_bq_per_ml": (0x7053, 0x1009)}
    factors = {name: private_number(dataset, *place) for name, place in philips.items()}
    vendor = private_text(dataset, 0x0009, 0x100D) or private_text(dataset, 0x0071, 0x1022)
    date = text("SeriesDate") or text("AcquisitionDate") or text("StudyDate")
    acquired = moment(text("AcquisitionDate") or date, text("AcquisitionTime"))
    instance_number = dataset.get("InstanceNumber")
    return SliceHeader(
        path=path,
        instance=text("SOPInstanceUID") or str(path),
        series=text("SeriesInstanceUID"),
        participant=text("PatientID") or _pseudonym(text("PatientName")),
        sex=text("PatientSex"),
        age=text("PatientAge"),
        height_metres=number(dataset.get("PatientSize")),
        weight=number(dataset.get("PatientWeight")),
        description=text("SeriesDescription"),
        derivation=text("DerivationDescription"),
        manufacturer=text("Manufacturer"),
        model=text("ManufacturerModelName"),
        series_type=tuple(str(value) for value in values("SeriesType")),
        units=text("Units").upper(),
        suv_type=text("SUVType").upper(),
        corrections=frozenset(str(value).strip().upper() for value in values("CorrectedImage")),
        decay_correction=text("DecayCorrection").upper(),
        decay_factor=number(dataset.get("DecayFactor")),
        calibration_factor=number(dataset.get("DoseCalibrationFactor")),
        reconstruction=text("ReconstructionMethod"),
        attenuation=text("AttenuationCorrectionMethod"),
        series_start=moment(date, text("SeriesTime")),
        acquisition_start=acquired or parse_datetime(text("AcquisitionDateTime")),
        vendor_start=parse_datetime(vendor),
        reference_milliseconds=number(dataset.get("FrameReferenceTime")),
        duration_milliseconds=number(dataset.get("ActualFrameDuration")),
        temporal_position=number(dataset.get("TemporalPositionIdentifier")),
        instance_number=0 if instance_number in (None, "") else int(instance_number),
        frame_of_reference=text("FrameOfReferenceUID"),
        position=tuple(float(value) for value in values("ImagePositionPatient")),
        orientation=tuple(float(value) for value in values("ImageOrientationPatient")),
        pixel_spacing=tuple(float(value) for value in values("PixelSpacing")),
        slice_thickness=number(dataset.get("SliceThickness")),
        matrix=(int(dataset.Rows), int(dataset.Columns)),
        slope=number(dataset.get("RescaleSlope"), 1.0) or 1.0,
        intercept=number(dataset.get("RescaleIntercept"), 0.0) or 0.0,
        factors={name: value for name, value in factors.items() if value},
        tracer=_tracer(dataset),
    )


def _tracer(dataset: Any) -> Tracer | None:
    sequence = dataset.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        return None
    item = sequence[0]
    codes = item.get("RadionuclideCodeSequence") or [{}]
    clock = str(item.get("RadiopharmaceuticalStartTime") or "").strip()
    return Tracer(
        name=str(item.get("Radiopharmaceutical") or "").strip(),
        radionuclide=" ".join(
            part for part in (str(codes[0].get(key) or "") for key in ("CodeMeaning", "CodeValue")) if part
        ),
        dose=number(item.get("RadionuclideTotalDose")),
        half_life_seconds=number(item.get("RadionuclideHalfLife")),
        start=parse_datetime(str(item.get("RadiopharmaceuticalStartDateTime") or "")),
        start_clock=clock_time(clock),
    )


def _pseudonym(name: str) -> str:
    """Name a participant without an identifier by a hash: a person's name must not end up in a file's name."""
    return f"unnamed{hashlib.sha256(name.encode()).hexdigest()[:6]}" if name else ""
