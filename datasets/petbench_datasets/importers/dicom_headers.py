"""What petbench reads of a DICOM PET slice, as plain values, and which files of a folder are such slices."""

from __future__ import annotations

import datetime as dt
import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import PositronEmissionTomographyImageStorage

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.130": "Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.128.1": "Legacy Converted Enhanced PET",
}

Moment = dt.datetime


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
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    slice_thickness: float | None
    matrix: tuple[int, int]
    slope: float
    intercept: float
    factors: dict[str, float]
    tracer: Tracer | None

    @property
    def tracer_name(self) -> str:
        """What the header calls the tracer; empty when it does not."""
        return "" if self.tracer is None else self.tracer.name


def pet_slices(folder: Path) -> tuple[list[SliceHeader], list[tuple[str, str]]]:
    """Read the headers of every PET slice below `folder`.

    Returns:
        The slices, and what was passed over: (what, why).

    Raises:
        DataError: no such folder, no DICOM file, no PET slice, or a PET image of a kind that is not supported.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder that holds the DICOM files")
    slices: dict[str, SliceHeader] = {}
    others: dict[str, int] = {}
    any_dicom = False
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name.upper() != "DICOMDIR"):
        dataset = _header(path)
        if dataset is None:
            others["files that are not DICOM"] = others.get("files that are not DICOM", 0) + 1
            continue
        any_dicom = True
        kind = str(dataset.get("SOPClassUID", ""))
        if kind in _ENHANCED:
            raise DataError(
                f"{path}: {_ENHANCED[kind]} images (SOP class {kind}) are not supported; "
                "export the series as classic PET images, one file a slice"
            )
        if kind != PositronEmissionTomographyImageStorage:
            what = f"{dataset.get('Modality', 'unknown')} objects"
            others[what] = others.get(what, 0) + 1
            continue
        header = _slice(path, dataset)
        slices.setdefault(header.instance, header)
    if not slices:
        found = ", ".join(f"{count} {what}" for what, count in others.items()) or "nothing"
        wanted = "PET image" if any_dicom else "DICOM file"
        raise DataError(f"{folder}: has no {wanted} (found {found}); give the folder that holds the PET series")
    return list(slices.values()), [(f"{what} ({count})", "not PET images") for what, count in others.items()]


def _header(path: Path) -> Any | None:
    """Read a file's header, or return None when it is not DICOM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values of single elements are judged where they matter
        try:
            return pydicom.dcmread(path, stop_before_pixels=True)
        except InvalidDicomError:
            pass
        except (OSError, ValueError, EOFError, AttributeError, KeyError):
            return None
    return _forced(path)


def _forced(path: Path) -> Any | None:
    """Read a file without DICOM's preamble, if it says for itself what it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            return dataset if "SOPClassUID" in dataset and "Modality" in dataset else None  # noqa: TRY300
        except Exception:  # any other file, forced through a DICOM parser, may raise anything
            return None


def _slice(path: Path, dataset: Any) -> SliceHeader:
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

    factors = {"philips_suv": _private(dataset, 0x7053, 0x1000), "philips_bq_per_ml": _private(dataset, 0x7053, 0x1009)}
    vendor = _private_text(dataset, 0x0009, 0x100D) or _private_text(dataset, 0x0071, 0x1022)
    date = text("SeriesDate") or text("AcquisitionDate") or text("StudyDate")
    acquired = moment(text("AcquisitionDate") or date, text("AcquisitionTime"))
    number = dataset.get("InstanceNumber")
    return SliceHeader(
        path=path,
        instance=text("SOPInstanceUID") or str(path),
        series=text("SeriesInstanceUID"),
        participant=text("PatientID") or _pseudonym(text("PatientName")),
        sex=text("PatientSex"),
        age=text("PatientAge"),
        height_metres=_number(dataset.get("PatientSize")),
        weight=_number(dataset.get("PatientWeight")),
        description=text("SeriesDescription"),
        manufacturer=text("Manufacturer"),
        model=text("ManufacturerModelName"),
        series_type=tuple(str(value) for value in values("SeriesType")),
        units=text("Units").upper(),
        suv_type=text("SUVType").upper(),
        corrections=frozenset(str(value).strip().upper() for value in values("CorrectedImage")),
        decay_correction=text("DecayCorrection").upper(),
        decay_factor=_number(dataset.get("DecayFactor")),
        calibration_factor=_number(dataset.get("DoseCalibrationFactor")),
        reconstruction=text("ReconstructionMethod"),
        attenuation=text("AttenuationCorrectionMethod"),
        series_start=moment(date, text("SeriesTime")),
        acquisition_start=acquired or parse_datetime(text("AcquisitionDateTime")),
        vendor_start=parse_datetime(vendor),
        reference_milliseconds=_number(dataset.get("FrameReferenceTime")),
        duration_milliseconds=_number(dataset.get("ActualFrameDuration")),
        temporal_position=_number(dataset.get("TemporalPositionIdentifier")),
        instance_number=0 if number in (None, "") else int(number),
        position=tuple(float(value) for value in values("ImagePositionPatient")),
        orientation=tuple(float(value) for value in values("ImageOrientationPatient")),
        pixel_spacing=tuple(float(value) for value in values("PixelSpacing")),
        slice_thickness=_number(dataset.get("SliceThickness")),
        matrix=(int(dataset.Rows), int(dataset.Columns)),
        slope=_number(dataset.get("RescaleSlope"), 1.0) or 1.0,
        intercept=_number(dataset.get("RescaleIntercept"), 0.0) or 0.0,
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
        dose=_number(item.get("RadionuclideTotalDose")),
        half_life_seconds=_number(item.get("RadionuclideHalfLife")),
        start=parse_datetime(str(item.get("RadiopharmaceuticalStartDateTime") or "")),
        start_clock=_clock(clock),
    )


def moment(date: str, time: str) -> Moment | None:
    """Return the moment of a DICOM date and time, or None when one of them is missing or unreadable."""
    day, clock = date.replace(".", "").replace("-", "").strip(), _clock(time)
    try:
        return None if clock is None else Moment.combine(Moment.strptime(day, "%Y%m%d").date(), clock)
    except ValueError:
        return None


def parse_datetime(text: str) -> Moment | None:
    """Return the moment of a DICOM date-time; a time-zone suffix is dropped, for all times here are local."""
    text = text.strip().split("&")[0].split("+")[0]
    text = text[:8] + text[8:].split("-")[0]
    return moment(text[:8], text[8:]) if len(text) >= 10 else None


def _clock(text: str) -> dt.time | None:
    digits, _, fraction = text.replace(":", "").strip().partition(".")
    if not digits.isdigit() or len(digits) not in (2, 4, 6):
        return None
    digits = digits.ljust(6, "0")
    try:
        micro = int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0
        return dt.time(int(digits[:2]), int(digits[2:4]), min(int(digits[4:6]), 59), micro)
    except ValueError:
        return None


def _pseudonym(name: str) -> str:
    """Tell participants without an identifier apart by their names, none of which may end up in a file's name."""
    return f"unnamed{hashlib.sha256(name.encode()).hexdigest()[:6]}" if name else ""


def _number(value: Any, default: float | None = None) -> float | None:
    if value is None or value == "":
        return default
    if not isinstance(value, (str, int, float, bytes)):
        value = next(iter(_items(value)), "")
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _items(value: Any) -> Iterator[Any]:
    try:
        yield from value
    except TypeError:
        yield value


def _private(dataset: Any, group: int, element: int) -> float | None:
    text = _private_text(dataset, group, element)
    return _number(text) if text else None


def _private_text(dataset: Any, group: int, element: int) -> str:
    """Return a private element as text; where its type is unknown, it comes as bytes."""
    if (group, element) not in dataset:
        return ""
    value = dataset[group, element].value
    return (value.decode("ascii", "ignore") if isinstance(value, bytes) else str(value)).strip("\0 ")
