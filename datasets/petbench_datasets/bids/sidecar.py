"""The BIDS-PET sidecar: what a scan's JSON file says, its known quirks repaired where that is safe.

Everything is checked against BIDS 1.10 and against sidecars found in public data sets; a repair is reported in
`Sidecar.repairs`, and whatever would need a guess is refused.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from petbench_datasets.bids.new_sidecar import frame_of_reference_name
from petbench_datasets.boundary import first_line, reading
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.bids_fields import BIDS_FIELDS
from petbench_datasets.evidence.fields import Otherwise, is_missing
from petbench_datasets.evidence.witnesses import Finding, Witness, weigh, within_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DAY_SECONDS = 86400.0
_BECQUEREL = {"bq": 1.0, "kbq": 1e3, "mbq": 1e6, "gbq": 1e9, "uci": 3.7e4, "mci": 3.7e7}
_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0}
_BQ_PER_ML = {"bq/ml": 1.0, "bqml": 1.0, "bq/cc": 1.0, "bq/cm3": 1.0, "kbq/ml": 1e3, "kbq/cc": 1e3, "mbq/ml": 1e6}
_SUV_UNITS = {"g/ml", "gml", "suv", "suvbw"}
_DEFAULTED = {"SourceWitnesses"}
_MOST_BYTES = 64 * 1024**2  # a sidecar has a few kilobytes

WITNESSES_KEY = "SourceWitnesses"
"""A key of petbench's own: what the numbers of an imported scan rested on in its source."""


class Sidecar(BaseModel):
    """The fields that petbench reads, under BIDS's own names. Times are seconds after `TimeZero`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    Units: str | None = None
    TracerName: str | None = None
    TracerRadionuclide: str | None = None
    RadionuclideHalfLife: float | None = None
    InjectedRadioactivity: float | None = None
    InjectedRadioactivityUnits: str | None = None
    RadionuclideTotalDose: float | None = None
    ModeOfAdministration: str | None = None
    TimeZero: str | None = None
    InjectionStart: float | None = None
    InjectionEnd: float | None = None
    RadiopharmaceuticalStartTime: str | None = None
    RadiopharmaceuticalStartDateTime: str | None = None
    ScanStart: float | None = None
    FrameTimesStart: tuple[float, ...] | None = None
    FrameTimesStartUnits: str | None = None
    FrameDuration: tuple[float, ...] | None = None
    FrameDurationUnits: str | None = None
    ImageDecayCorrected: bool | None = None
    ImageDecayCorrectionTime: float | None = None
    DecayCorrectionFactor: tuple[float, ...] | None = None
    DecayFactor: tuple[float, ...] | None = None
    AttenuationCorrection: str | None = None
    CorrectedImage: tuple[str, ...] | None = None
    PatientWeight: float | None = None
    FrameOfReference: str | None = None
    FrameOfReferenceUID: str | None = None
    SeriesDescription: str | None = None
    SourcePatient: str | None = None
    SourceStudy: str | None = None
    SourceInjectionDay: str | None = None
    SourceWitnesses: tuple[dict[str, Any], ...] = ()
    repairs: tuple[str, ...] = ()
    said: frozenset[str] = frozenset()

    @field_validator("SourceWitnesses", mode="before")
    @classmethod
    def _records_alone(cls, value: object) -> object:
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    @field_validator(
        "FrameTimesStart", "FrameDuration", "DecayCorrectionFactor", "DecayFactor", "CorrectedImage", mode="before"
    )
    @classmethod
    def _one_frame_is_a_list_too(cls, value: object) -> object:
        return [value] if isinstance(value, (int, float, str)) else value

    def bq_per_ml(self, path: Path) -> float | None:
        """Return what one stored unit is in Bq/mL, or None when the voxels are SUV (g/mL) already."""
        unit = _simple(self.needed("Units", path))
        if unit in _SUV_UNITS:
            return None
        if unit not in _BQ_PER_ML:
            raise DataError(f"{path}: Units is {self.Units!r}, which is no activity; give the image in Bq/mL or g/mL")
        return _BQ_PER_ML[unit]

    def injected_bq(self, path: Path) -> tuple[Finding, tuple[str, ...]]:
        """Return the injected activity in Bq, and what was repaired to get it."""
        value = float(self.needed("InjectedRadioactivity", path))
        unit = _simple(self.InjectedRadioactivityUnits or "")
        if unit not in _BECQUEREL:
            raise DataError(
                f"{path}: InjectedRadioactivityUnits is {self.InjectedRadioactivityUnits!r}; give it as Bq or MBq"
            )
        dose = value * _BECQUEREL[unit]
        repairs: tuple[str, ...] = ()
        # Nobody is scanned with less than 10 kBq nor with more than 100 GBq: there the unit, not the number, is wrong.
        if unit == "bq" and 0 < value < 1e4:
            dose, repairs = value * 1e6, (f"InjectedRadioactivity {value:g} Bq taken as MBq",)
        elif unit == "mbq" and value > 1e5:
            dose, repairs = value, (f"InjectedRadioactivity {value:g} MBq taken as Bq",)
        if not 1e5 <= dose <= 1e11:
            raise DataError(f"{path}: InjectedRadioactivity {value:g} {unit} is impossible; correct it")
        shown = f"{value:g} {self.InjectedRadioactivityUnits}"
        witnesses = [Witness("InjectedRadioactivity", dose, shown)]
        other = self.RadionuclideTotalDose
        if other:
            in_bq = other if other >= 1e4 else other * 1e6
            witnesses.append(Witness("RadionuclideTotalDose", in_bq, f"{other:g} {'Bq' if other >= 1e4 else 'MBq'}"))
        found = weigh(
            "the injected dose",
            witnesses,
            agree=within_ratio(0.1),
            shown=lambda bq: f"{bq / 1e6:.4g} MBq",
            subject=str(path),
            remedy="keep the right one",
        )
        assert found is not None
        return found, repairs

    def frames(self, path: Path) -> tuple[tuple[tuple[float, float], ...], tuple[str, ...]]:
        """Return (start, duration) of every frame in seconds after `TimeZero`, and what was repaired."""
        start_unit = self._seconds("FrameTimesStartUnits", path)
        duration_unit = self._seconds("FrameDurationUnits", path)
        starts = [float(value) * start_unit for value in self.needed("FrameTimesStart", path)]
        durations = [float(value) * duration_unit for value in self.needed("FrameDuration", path)]
        repairs = _unwrap(starts)
        if len(starts) != len(durations):
            raise DataError(
                f"{path}: {len(starts)} FrameTimesStart but {len(durations)} FrameDuration; give one of each a frame"
            )
        for number, (start, duration) in enumerate(zip(starts, durations, strict=True)):
            if not duration > 0:
                raise DataError(f"{path}: FrameDuration of frame {number} is {duration:g} s; correct it")
            if number and start < starts[number - 1] + durations[number - 1] - 1.0:
                raise DataError(f"{path}: frame {number} starts before frame {number - 1} ends; correct the times")
        limits = BIDS_FIELDS["FrameTimesStart"], BIDS_FIELDS["FrameDuration"]
        for field, values in zip(limits, (starts, durations), strict=True):
            for value in values:
                field.number(value, path)
        if starts and self.ScanStart is not None and starts[0] < self.ScanStart - 60.0:
            raise DataError(
                f"{path}: frame 0 starts at {starts[0]:g} s, before ScanStart at {self.ScanStart:g} s; "
                "count FrameTimesStart from TimeZero"
            )
        return tuple(zip(starts, durations, strict=True)), repairs

    def frame_of_reference(self) -> str:
        """Return the name of the frame of reference that the image's coordinates belong to; empty if it is not said."""
        return self.FrameOfReference or frame_of_reference_name(self.FrameOfReferenceUID or "")

    def needed(self, field: str, path: Path) -> Any:
        """Return a field's value, or raise a DataError that names it."""
        value = getattr(self, field)
        if value is None:
            raise DataError(f"{path}: {field} is missing or n/a; add it to the sidecar")
        return value

    def _seconds(self, field: str, path: Path) -> float:
        unit = _simple(getattr(self, field) or "s")
        if unit not in _SECONDS:
            raise DataError(f"{path}: {field} is {unit!r}; give the times in seconds")
        return _SECONDS[unit]


def parse_sidecar(content: Mapping[str, Any], path: Path) -> Sidecar:
    """Make a `Sidecar` of a JSON object, known misspellings of field names repaired.

    Raises:
        DataError: a field's value is not what BIDS says.
    """
    names = {_simple(name): name for name in Sidecar.model_fields if name not in {"repairs", "said"}}
    # Singular "Unit" and stray capitals are common; the meaning is not in doubt.
    names |= {name.removesuffix("s"): full for name, full in names.items() if name.endswith("units")}
    names |= {"bodyweight": "PatientWeight"}
    fields: dict[str, Any] = {}
    repairs: list[str] = []
    for key, value in content.items():
        field = names.get(_simple(key))
        if field is None or (field in fields and key != field):
            continue
        if key != field and key != "BodyWeight":
            repairs.append(f"{key} read as {field}")
        # "none" is how BIDS says that attenuation was not corrected, and no gap.
        says_none = field == "AttenuationCorrection" and isinstance(value, str) and value.strip().lower() == "none"
        gap = is_missing(value) and not says_none
        fields[field] = None if gap else _checked(field, value, path)
    given = {name: value for name, value in fields.items() if value is not None or name not in _DEFAULTED}
    try:
        return Sidecar(**given, repairs=tuple(repairs), said=frozenset(fields))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where} is {first['input']!r}: {first['msg'].lower()}; correct it") from error


def _checked(name: str, value: object, path: Path) -> object:
    """Return a field's value, once it is what the table of fields allows; None where it is wrong and done without."""
    field = BIDS_FIELDS.get(name)
    if name == "AttenuationCorrection":
        return str(value)
    if field is None:
        return value
    if name in {"FrameTimesStart", "FrameDuration"}:  # these are looked at in seconds, but for what is no number
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool):
                field.number(one, path)
        return value
    if field.low is None:
        if isinstance(value, float) and not math.isfinite(value):
            field.number(value, path)
        return value if field.wrong is not Otherwise.UNUSED or isinstance(value, str) else None
    several = value if isinstance(value, list) else [value]
    found = [field.number(one, path) for one in several if not is_missing(one)]
    return found if isinstance(value, list) else found[0]


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DataError: missing, unreadable, or no JSON object.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; every PET image needs its JSON sidecar")
    with reading(path, lambda error: f"not valid JSON ({first_line(error)})"):
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: is {path.stat().st_size / 1e6:.0f} MB, which is no sidecar; restore it")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object; write the fields between braces")
    return content


def _simple(text: str) -> str:
    return text.strip().lower().replace(" ", "").replace("μ", "u").replace("µ", "u")


def _unwrap(starts: list[float]) -> tuple[str, ...]:
    """Take a day off leading frame times that passed midnight backwards: 86399, 15, 31 means -1, 15, 31."""
    for number in range(len(starts) - 1, 0, -1):
        if starts[number - 1] - starts[number] > _DAY_SECONDS / 2:
            starts[:number] = [start - _DAY_SECONDS for start in starts[:number]]
            return (f"FrameTimesStart before frame {number} taken as a day earlier",)
    return ()
