"""What a BIDS sidecar and the tables beside it say of one scan, weighed by the rules that hold for every format."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from petbench_datasets.bids.participants import body_weight, checked_kilograms
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.clock import apart_on_the_clock, clock_seconds, clock_text
from petbench_datasets.evidence.rules import (
    OtherKindError,
    is_uncorrected_reconstruction,
    require_attenuation_correction,
    require_bolus,
    require_tracer,
)
from petbench_datasets.evidence.witnesses import Finding, Witness, weigh, within, within_ratio
from petbench_datasets.images.decay import average_count_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.bids.sidecar import Sidecar
    from petbench_datasets.tables import Row
    from petbench_datasets.tasks.task import Task

_AGREEMENT_SECONDS = 60.0


def require_usable(sidecar: Sidecar, image: Path, path: Path, task: Task | None) -> None:
    """Raise where the sidecar, or the image's own name, says that the scan is of another kind.

    Args:
        sidecar: of the image.
        image: the file.
        path: of the sidecar, for messages.
        task: whose tracer it must be of; None where any will do.

    Raises:
        OtherKindError: not corrected for attenuation, an infusion, or another tracer.
    """
    require_attenuation_correction(str(path), sidecar.AttenuationCorrection or "", "AttenuationCorrection")
    if sidecar.CorrectedImage is not None and "ATTN" not in {part.strip().upper() for part in sidecar.CorrectedImage}:
        require_attenuation_correction(str(path), "none", "by CorrectedImage without ATTN it")
    label = next((part.removeprefix("rec-") for part in image.name.split("_") if part.startswith("rec-")), "")
    if is_uncorrected_reconstruction(label):
        raise OtherKindError(
            f"{image}: not corrected for attenuation (a reconstruction labelled {label}); use the corrected one"
        )
    took = None
    if sidecar.InjectionEnd is not None and sidecar.InjectionStart is not None:
        took = sidecar.InjectionEnd - sidecar.InjectionStart
    require_bolus(str(path), sidecar.ModeOfAdministration or "", None, "ModeOfAdministration")
    require_bolus(str(path), "", took, "InjectionEnd")
    if task is not None:
        said = sidecar.TracerName or "", sidecar.TracerRadionuclide or ""
        require_tracer(str(path), task, *said, "TracerName", "name the cohort's own task (--task, or its task.toml)")


def unsaid(sidecar: Sidecar) -> tuple[str, ...]:
    """Return what the sidecar must say by BIDS and does not, where it decides whether a scan can be used at all."""
    missing = {
        "AttenuationCorrection": "whether attenuation was corrected",
        "TracerName": "whether it is the tracer of the task",
    }
    return tuple(
        f"{field} is missing: {what} cannot be told" for field, what in missing.items() if field not in sidecar.said
    )


def injection_start(sidecar: Sidecar, path: Path) -> tuple[Finding, float | None]:
    """Return the injection in seconds after TimeZero, and in seconds after midnight where TimeZero is known.

    Raises:
        DataError: not said, or contradicted.
    """
    start = float(sidecar.needed("InjectionStart", path))
    zero = clock_seconds(sidecar.TimeZero or "")
    if zero is None:
        return Finding("the injection", start, f"{start:g} s", (f"InjectionStart {start:g} s",)), None
    clock = zero + start
    shown = f"{start:g} s after TimeZero {sidecar.TimeZero} (that is {clock_text(clock)})"
    witnesses = [Witness("InjectionStart", clock, shown)]
    for field in ("RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime"):
        text = getattr(sidecar, field)
        other = clock_seconds(text or "")
        if other is not None:
            witnesses.append(Witness(field, other, text))
    found = weigh(
        "the injection",
        witnesses,
        agree=lambda one, other: apart_on_the_clock(one, other) <= _AGREEMENT_SECONDS,
        shown=clock_text,
        subject=str(path),
        remedy="correct the wrong one (InjectionStart counts seconds from TimeZero)",
    )
    assert found is not None
    # A winning clock time other than InjectionStart's is the one nearest to it, on whichever day.
    seconds = (
        start if apart_on_the_clock(found.value, clock) <= _AGREEMENT_SECONDS else start + _nearest(found.value - clock)
    )
    return Finding(found.quantity, seconds, found.shown, found.witnesses, found.against), zero + seconds


def decay_reference(
    sidecar: Sidecar, frame: tuple[float, float], half_life_seconds: float, path: Path
) -> Finding | None:
    """Return the decay reference in seconds after TimeZero; None when the image is not corrected.

    Args:
        sidecar: of the scan.
        frame: start and duration of the first frame, in seconds after TimeZero.
        half_life_seconds: of the nuclide.
        path: the sidecar's, for messages.

    Raises:
        DataError: not said, or contradicted.
    """
    if not sidecar.needed("ImageDecayCorrected", path):
        return None
    time = float(sidecar.needed("ImageDecayCorrectionTime", path))
    witnesses = [Witness("ImageDecayCorrectionTime", time, f"{time:g} s")]
    for field in ("DecayCorrectionFactor", "DecayFactor"):
        factors = getattr(sidecar, field)
        if factors and factors[0] != 1.0:  # 1 is what is written where nothing is known
            to_mean = average_count_seconds(frame[1], half_life_seconds)
            implied = frame[0] + to_mean - math.log2(factors[0]) * half_life_seconds
            witnesses.append(Witness(field, implied, f"{factors[0]:g} (that is {implied:.0f} s)"))
    return weigh(
        "the decay reference",
        witnesses,
        agree=within(_AGREEMENT_SECONDS),
        shown=lambda seconds: f"{seconds:g} s after TimeZero",
        subject=str(path),
        remedy="correct the wrong one",
    )


def weight_of(image: Path, root: Path, table: dict[str, Row], sidecar: Sidecar, path: Path) -> Finding:
    """Return the participant's weight in kilograms, from the dataset's tables and the sidecar.

    Raises:
        DataError: nobody says it, or two say different weights.
    """
    entities = image.name.removesuffix(".gz").removesuffix(".nii").split("_")
    participant = next((part for part in entities if part.startswith("sub-")), "")
    session = next((part for part in entities if part.startswith("ses-")), None)
    weight = body_weight(root, participant, session, table)
    witnesses = [] if weight is None else [Witness("body_weight of participants.tsv", weight, f"{weight:g} kg")]
    if sidecar.PatientWeight:
        own = checked_kilograms(sidecar.PatientWeight, path, participant or image.name)
        witnesses.append(Witness("PatientWeight of the sidecar", own, f"{own:g} kg"))
    found = weigh(
        "the weight",
        witnesses,
        agree=within_ratio(0.02),
        shown=lambda kilograms: f"{kilograms:g} kg",
        subject=str(path),
        remedy="correct the wrong one",
    )
    if found is None:
        raise DataError(
            f"{root / 'participants.tsv'}: no body_weight for {participant or image.name}; "
            "add it in kilograms (SUV cannot be computed without it)"
        )
    return found


def _nearest(seconds: float) -> float:
    return (seconds + 43_200.0) % 86_400.0 - 43_200.0
