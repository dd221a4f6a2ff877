"""The sidecar and the name of an image that petbench writes itself. All times are seconds after the injection."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from petbench_datasets.images.windows import shared_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_datasets.images.grid import Grid
    from petbench_datasets.images.windows import Frame
    from petbench_datasets.tasks.task import Task


def new_sidecar(
    frames: Sequence[Frame],
    *,
    tracer: str,
    radionuclide: str,
    half_life_seconds: float,
    is_suv: bool,
    dose_megabecquerel: float | None,
    injection_known: bool = True,
    decay_corrected_to_seconds: float | None = 0.0,
    time_zero: str = "00:00:00",
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return all fields that BIDS-PET requires; what is not known is `n/a`.

    Args:
        frames: when each was measured; counted from the decay reference where the injection is not known.
        tracer: `FDG`.
        radionuclide: `F18`.
        half_life_seconds: of it.
        is_suv: whether the voxels are SUVbw (g/mL) and not Bq/mL.
        dose_megabecquerel: injected activity; None if it is not known.
        injection_known: whether the frames are counted from the injection.
        decay_corrected_to_seconds: the decay reference; None for an image that is not corrected.
        time_zero: the time of day of the injection.
        more: fields to add or to replace, empty ones becoming `n/a`.
    """
    fields: dict[str, Any] = {
        "Manufacturer": "n/a",
        "ManufacturersModelName": "n/a",
        "Units": "g/mL" if is_suv else "Bq/mL",
        "TracerName": tracer,
        "TracerRadionuclide": radionuclide,
        "RadionuclideHalfLife": half_life_seconds,
        "InjectedRadioactivity": "n/a" if dose_megabecquerel is None else dose_megabecquerel,
        "InjectedRadioactivityUnits": "MBq",
        "InjectedMass": "n/a",
        "InjectedMassUnits": "n/a",
        "SpecificRadioactivity": "n/a",
        "SpecificRadioactivityUnits": "n/a",
        "ModeOfAdministration": "bolus",
        "TimeZero": time_zero,
        "ScanStart": frames[0].start_seconds,
        "InjectionStart": 0 if injection_known else "n/a",
        "FrameTimesStart": [frame.start_seconds for frame in frames],
        "FrameDuration": [frame.duration_seconds for frame in frames],
        "AcquisitionMode": "n/a",
        "ImageDecayCorrected": decay_corrected_to_seconds is not None,
        "ImageDecayCorrectionTime": "n/a" if decay_corrected_to_seconds is None else decay_corrected_to_seconds,
        "ReconMethodName": "n/a",
        "ReconMethodParameterLabels": ["none"],
        "ReconFilterType": "none",
        "AttenuationCorrection": "n/a",
    }
    return fields | {key: value or "n/a" for key, value in (more or {}).items()}


def entities_of(
    frames: Sequence[Frame], tracer: str, radionuclide: str, task: Task, *, injection_known: bool = True
) -> str:
    """Return an image's entities, `trc-18FFDG_rec-early`: which window of a task it makes, or `dynamic` or `static`."""
    mass = re.sub(r"^(\D+)(\d+)$", r"\2\1", radionuclide)
    label = re.sub(r"[^A-Za-z0-9]", "", tracer)
    kind = "dynamic" if len(frames) > 1 else _window(frames[0], task) if injection_known else "static"
    return f"trc-{mass}{label}_rec-{kind}"


def frame_of_reference_name(uid: str) -> str:
    """Return a name for a DICOM frame of reference that tells it from others and no longer leads to the patient."""
    return hashed(uid) if uid else ""


def hashed(*parts: str) -> str:
    """Return a short hash of what may lead to a person: it tells things apart, and says no more of them."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def resampling_record(source: Grid, target: Grid, *, interpolated: bool, outside: float) -> dict[str, Any]:
    """Return what a sidecar says of an image that was brought to another grid.

    Args:
        source: where it lay.
        target: where it lies now.
        interpolated: whether it was resampled, and not cut alone.
        outside: the part of its activity, 0 to 1, that lay outside the field of view that the pair shares.
    """
    method = "linear; Gaussian anti-aliasing where coarser; " if interpolated else ""
    return {
        "From": str(source),
        "To": str(target),
        "Method": f"{method}cut to the voxels that both images of the pair measured",
        "ActivityCutAwayPercent": round(100.0 * outside, 2),
    }


def _window(frame: Frame, task: Task) -> str:
    for name, window in task.windows_seconds.items():
        if shared_seconds(frame, window) >= task.least_coverage * (window[1] - window[0]):
            return name
    return "static"
