"""What makes a scan unusable in every format: no attenuation correction, an infusion, another tracer."""

from __future__ import annotations

import re

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import nuclide

LONGEST_BOLUS_SECONDS = 300.0
"""An injection that takes longer is an infusion: uptake is then no function of the time since its start."""

_NOT_CORRECTED = {"none", "no", "nac", "false", "off", "uncorrected", "notcorrected", "noac", "noattenuationcorrection"}
_SAYS_NOTHING = {"", "na", "unknown", "unspecified", "solution", "other", "tracer", "pet"}
_FDG = ("fdg", "deoxyglucose", "deoxydglucose", "fluorodglucose", "fluoroglucose", "fludeoxy")


class OtherKindError(DataError):
    """A scan that is whole, but of another kind than petbench can use: it may be passed over where others are left."""


def require_attenuation_correction(subject: str, text: str, field: str) -> None:
    """Raise where a field in plain words says that attenuation was not corrected; empty and `n/a` say nothing.

    Raises:
        OtherKindError: it was not.
    """
    if _letters(text) in _NOT_CORRECTED:
        raise OtherKindError(
            f"{subject}: not corrected for attenuation ({field} is {text!r}); use the corrected reconstruction"
        )


def is_uncorrected_reconstruction(label: str) -> bool:
    """Return whether a reconstruction's label is one of an image without attenuation correction, BIDS's `nacstat`."""
    return bool(re.match(r"(?i)(nac|noac|nonac)", label))


def require_bolus(subject: str, mode: str, seconds: float | None, field: str) -> None:
    """Raise where the tracer was infused.

    Args:
        subject: how a message names the scan.
        mode: what a field calls it, such as BIDS's ModeOfAdministration; empty where nothing does.
        seconds: how long the injection took; None where that is not said.
        field: what said so.

    Raises:
        OtherKindError: an infusion.
    """
    if "infusion" in mode.lower():
        raise OtherKindError(f"{subject}: the tracer was infused ({field} is {mode!r}); use scans after a bolus")
    if seconds is not None and seconds > LONGEST_BOLUS_SECONDS:
        raise OtherKindError(
            f"{subject}: the injection took {seconds / 60:.0f} min by {field}: an infusion; use scans after a bolus"
        )


def tracer_kind(name: str) -> str:
    """Return `FDG`, empty where a tracer's name says nothing but its nuclide, else the name as it is."""
    plain = _letters(re.sub(r"(?i)\b(18\W*f|f\W*18|fluorine\W*18|18\W*fluorine)(?![a-z0-9])", "", name))
    if any(part in _letters(name) for part in _FDG):
        return "FDG"
    return "" if plain in _SAYS_NOTHING | {"f", "fluorine", "fluor"} else name.strip()


def require_tracer(subject: str, name: str, radionuclide: str, field: str, remedy: str) -> None:
    """Raise for a tracer that is not FDG, or a nuclide that is not F-18; names that say nothing pass.

    Raises:
        OtherKindError: another one.
    """
    kind = tracer_kind(name)
    if kind not in {"FDG", ""}:
        raise OtherKindError(f"{subject}: the tracer is {kind} ({field}), not FDG; leave the scan out, or {remedy}")
    if radionuclide and nuclide(radionuclide) != "F18":
        raise OtherKindError(
            f"{subject}: the radionuclide is {nuclide(radionuclide)}, not F18; leave the scan out, or {remedy}"
        )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
