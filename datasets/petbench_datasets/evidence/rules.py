"""What makes a scan unusable in every format: no attenuation correction, an infusion, another tracer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import nuclide, without_nuclide
from petbench_datasets.tasks.task import hyphenated, letters

if TYPE_CHECKING:
    from petbench_datasets.tasks.task import Task

LONGEST_BOLUS_SECONDS = 300.0
"""An injection that takes longer is an infusion: uptake is then no function of the time since its start."""

_NOT_CORRECTED = {"none", "no", "nac", "false", "off", "uncorrected", "notcorrected", "noac", "noattenuationcorrection"}


class OtherKindError(DataError):
    """A scan that is whole, but of another kind than petbench can use: it may be passed over where others are left."""


def require_attenuation_correction(subject: str, text: str, field: str) -> None:
    """Raise where a field in plain words says that attenuation was not corrected; empty and `n/a` say nothing.

    Raises:
        OtherKindError: it was not.
    """
    if letters(text) in _NOT_CORRECTED:
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


def require_tracer(subject: str, task: Task, name: str, radionuclide: str, field: str, remedy: str) -> None:
    """Raise for another tracer or nuclide than a task's; names that say nothing pass.

    Args:
        subject: how a message names the scan.
        task: what the scan is for.
        name: what the tracer is called; empty where it is not said.
        radionuclide: likewise.
        field: which field says the name.
        remedy: what to do where the scan is right and the task is not.

    Raises:
        OtherKindError: another one.
    """
    kind, found = task.kind_of(name), nuclide(radionuclide) if radionuclide else ""
    if kind in {task.tracer, ""} and found in {task.radionuclide, ""}:
        return
    if kind in {task.tracer, ""}:
        said, wanted = f"the radionuclide {found}", task.radionuclide
    else:
        is_named = not found or without_nuclide(kind, found) != kind
        said, wanted = f"{kind if is_named else f'{hyphenated(found)} {kind}'} ({field})", task.tracer
    asks = f"the task {task.id} is of {task.subject}"
    raise OtherKindError(f"{subject}: is of {said}, not {wanted}: {asks}; leave the scan out, or {remedy}")
