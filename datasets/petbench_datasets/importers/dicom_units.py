"""What the stored values of a DICOM PET series are, and how they become Bq/mL or SUVbw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, nuclide

if TYPE_CHECKING:
    from petbench_datasets.importers.dicom_headers import SliceHeader


@dataclass(frozen=True)
class ParticipantFacts:
    """What SUV needs to know of the participant; None or empty for what the header does not say.

    `weight_said` is where the weight is from; `notes` are doubts.
    """

    weight_kilograms: float | None
    height_centimetres: float | None
    sex: str
    weight_said: str = ""
    notes: tuple[str, ...] = ()


def participant_facts(header: SliceHeader, weight_kilograms: float | None, subject: str) -> ParticipantFacts:
    """Return the participant's weight, height and sex; `weight_kilograms` goes before the header's.

    Raises:
        DataError: a weight or height that nobody has.
    """
    weight = weight_kilograms if weight_kilograms is not None else header.weight
    said = f"PatientWeight (0010,1030) {header.weight:g}" if weight_kilograms is None and header.weight else ""
    said = said or ("" if weight is None else f"--weight {weight:g}")
    notes = []
    if weight is not None and weight > 1000.0:
        notes.append(f"PatientWeight {weight:g} taken as grams")
        weight /= 1000.0
    if weight is not None and weight <= 0.0:
        weight = None
    if weight is not None and not 1.0 <= weight <= 500.0:
        raise DataError(f"{subject}: PatientWeight is {weight:g} kg; give the right one")
    height = header.height_metres
    if height is not None and height > 3.0:
        height /= 100.0  # given in centimetres
    centimetres = None if height is None else height * 100.0
    return ParticipantFacts(weight, centimetres, header.sex.upper()[:1], said, tuple(notes))


def suv_per_value(header: SliceHeader, facts: ParticipantFacts, subject: str) -> float | None:
    """Return what turns a rescaled value into SUVbw, or None where the values are activity.

    Raises:
        DataError: units of which no SUV can be made, or a participant of whom too little is known.
    """
    if header.units == "GML":
        return _gml(header, facts, subject)
    if header.units == "CM2ML":
        weight, height = _weight(facts, subject), _height(facts, subject)
        surface_metres2 = float(0.007184 * weight**0.425 * height**0.725)  # DuBois 1916
        return weight * 1000.0 / (surface_metres2 * 1e4)
    if header.units == "CNTS" and "philips_suv" in header.factors:
        return header.factors["philips_suv"]
    return None


def bq_per_ml_per_value(header: SliceHeader, subject: str) -> float:
    """Return what turns a rescaled value into Bq/mL.

    Raises:
        DataError: units that are no activity.
    """
    if header.units == "BQML":
        return 1.0
    if header.units == "CNTS" and "philips_bq_per_ml" in header.factors:
        return header.factors["philips_bq_per_ml"]
    if header.units == "CNTS":
        raise DataError(
            f"{subject}: counts without Philips's SUV factor (7053,1000) or activity factor (7053,1009); "
            "export the series in BQML"
        )
    if header.units == "CPS" and "DCAL" in header.corrections and header.calibration_factor:
        return header.calibration_factor
    raise DataError(f"{subject}: Units (0054,1001) is {header.units or 'missing'}; export the series in BQML")


def require_corrections(header: SliceHeader, subject: str, *, already_suv: bool) -> None:
    """Raise a DataError unless the series is corrected for attenuation, and says how for decay.

    SUV needs no decay correction any more, so `already_suv` images may be silent about it, but not contradict
    themselves.
    """
    if "ATTN" not in header.corrections:
        raise DataError(
            f"{subject}: not corrected for attenuation (no ATTN in CorrectedImage); export the corrected series"
        )
    if header.decay_correction not in {"START", "ADMIN", "NONE"}:
        if already_suv:
            return
        raise DataError(f"{subject}: DecayCorrection (0054,1102) is missing; export the series with it")
    if "DECY" in header.corrections and header.decay_correction == "NONE" and not already_suv:
        raise DataError(
            f"{subject}: CorrectedImage (0028,0051) has DECY, but DecayCorrection (0054,1102) is NONE; "
            "export a series whose decay correction is certain"
        )
    if "DECY" not in header.corrections and header.decay_correction != "NONE":
        raise DataError(
            f"{subject}: DecayCorrection is {header.decay_correction}, but CorrectedImage has no DECY; "
            "export a series whose decay correction is certain"
        )


def radionuclide_of(header: SliceHeader, required: str | None, subject: str) -> tuple[str, float]:
    """Return the nuclide, as `F18`, and its half-life in seconds.

    Raises:
        DataError: unknown, not `required`, or a half-life of another nuclide.
    """
    tracer = header.tracer
    given = None if tracer is None else tracer.half_life_seconds
    name = _named(header)
    if not name and given:
        fits = [known for known, seconds in HALF_LIFE_SECONDS.items() if abs(given / seconds - 1.0) < 0.01]
        name = fits[0] if fits else ""
    if not name:
        raise DataError(f"{subject}: does not say which radionuclide was used; export the series with it")
    if name not in HALF_LIFE_SECONDS:
        raise DataError(f"{subject}: the radionuclide is {name}, which is not used in PET; leave the series out")
    if required is not None and name != nuclide(required):
        raise DataError(
            f"{subject}: the radionuclide is {name}, not {nuclide(required)}; leave the series out, or allow it with "
            f"--radionuclide {name}"
        )
    known_seconds = HALF_LIFE_SECONDS[name]
    if given and abs(given / known_seconds - 1.0) > 0.02:
        raise DataError(
            f"{subject}: RadionuclideHalfLife is {given:g} s, but that of {name} is {known_seconds:g} s; correct it"
        )
    return name, given or known_seconds


def injected_bq(header: SliceHeader, given_bq: float | None, subject: str, notes: list[str]) -> float:
    """Return the injected activity; `given_bq` goes before the header's.

    A value of a header below 10^4 was written in MBq, which is added to `notes`.

    Raises:
        DataError: missing or impossible.
    """
    dose = header.tracer.dose if given_bq is None and header.tracer is not None else given_bq
    if dose is None or dose <= 0.0:
        raise DataError(
            f"{subject}: RadionuclideTotalDose (0018,1074) is missing; export the series with it, or give the dose"
        )
    if given_bq is None and dose < 1e4:
        notes.append(f"RadionuclideTotalDose {dose:g} taken as MBq")
        dose *= 1e6
    if not 1e5 <= dose <= 1e11:
        said = "RadionuclideTotalDose" if given_bq is None else "the given dose"
        raise DataError(f"{subject}: {said} is {dose:g} Bq, which is impossible; correct it")
    return dose


def needed_weight(facts: ParticipantFacts, subject: str) -> float:
    """Return the participant's weight in kilograms, or raise a DataError."""
    return _weight(facts, subject)


# SNOMED's codes, for files whose code has no meaning beside it.
_CODES = {
    "C-111A1": "F18",
    "77004003": "F18",
    "C-131A1": "Ga68",
    "49026006": "Ga68",
    "C-105A1": "C11",
    "40565003": "C11",
    "C-107A1": "N13",
    "21576001": "N13",
    "C-B1038": "O15",
    "80751004": "O15",
    "C-159A2": "Rb82",
    "79197006": "Rb82",
}


def _named(header: SliceHeader) -> str:
    if header.tracer is None:
        return ""
    *meaning, code = header.tracer.radionuclide.split() or [""]
    for text in (" ".join(meaning), _CODES.get(code, ""), header.tracer.name):
        name = nuclide(text)
        if name in HALF_LIFE_SECONDS:
            return name
    # A nuclide that is none of PET's is still worth naming in the refusal.
    name = nuclide(" ".join(meaning))
    if name != " ".join(meaning):
        return name
    return "F18" if "FDG" in header.tracer.name.upper().replace("FLUORODEOXYGLUCOSE", "FDG") else ""


def _gml(header: SliceHeader, facts: ParticipantFacts, subject: str) -> float:
    """Return what turns an SUV of another normalisation into SUVbw: weight over the mass that was used."""
    kind = header.suv_type or "BW"
    if kind == "BW":
        return 1.0
    weight, height = _weight(facts, subject), _height(facts, subject)
    if facts.sex not in {"M", "F", "O"}:
        raise DataError(f"{subject}: SUVType {kind} depends on the participant's sex, which is missing; export as BQML")
    masses = [_normalising_mass(kind, weight, height, sex) for sex in ("M", "F") if facts.sex in {sex, "O"}]
    factors = [weight / mass for mass in masses if mass is not None and mass > 0.0]
    if len(factors) != len(masses):
        raise DataError(f"{subject}: SUVType {kind} cannot be turned into SUV by body weight; export as BQML")
    return sum(factors) / len(factors)  # of sex O, the mean of both


def _normalising_mass(kind: str, kilograms: float, centimetres: float, sex: str) -> float | None:
    """Return the mass in kilograms by which an SUV of some kind is normalised; None for an unknown kind."""
    index = kilograms / (centimetres / 100.0) ** 2
    squared = (kilograms / centimetres) ** 2
    if sex == "M":
        return {
            "LBM": 1.10 * kilograms - 120.0 * squared,
            "LBMJAMES128": 1.10 * kilograms - 128.0 * squared,
            "LBMJANMA": 9270.0 * kilograms / (6680.0 + 216.0 * index),
            "IBW": 48.0 + 1.06 * (centimetres - 152.0),
        }.get(kind)
    return {
        "LBM": 1.07 * kilograms - 148.0 * squared,
        "LBMJAMES128": 1.07 * kilograms - 148.0 * squared,
        "LBMJANMA": 9270.0 * kilograms / (8780.0 + 244.0 * index),
        "IBW": 45.5 + 0.91 * (centimetres - 152.0),
    }.get(kind)


def _weight(facts: ParticipantFacts, subject: str) -> float:
    if facts.weight_kilograms is None:
        raise DataError(f"{subject}: PatientWeight is missing; give the participant's weight with the import")
    return facts.weight_kilograms


def _height(facts: ParticipantFacts, subject: str) -> float:
    if facts.height_centimetres is None:
        raise DataError(f"{subject}: PatientSize is missing, without which its SUV cannot be converted; export as BQML")
    return facts.height_centimetres
