"""When a DICOM PET series was injected, measured, and to which time it is decay-corrected.

The rules are QIBA's and the Image Biomarker Standardisation Initiative's, each field being a witness: none is trusted
alone where another contradicts it, since anonymisation and conversion change some times and forget others (10.9 % SUV
on a real scan that kept one acquisition time for six beds).
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.evidence.rules import require_bolus
from petbench_datasets.evidence.witnesses import Finding, Witness, weigh, within
from petbench_datasets.images.decay import average_count_seconds
from petbench_datasets.importers.dicom_injection import injection_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.importers.dicom_headers import SliceHeader
    from petbench_datasets.importers.dicom_values import Moment

_AGREEMENT_SECONDS = 30.0  # 0.3 % SUV of F-18
_LONGEST_HALF_LIVES = 8.0
_REMEDY = "export the series again, or correct the wrong one"


@dataclass(frozen=True)
class Timing:
    """The moments of one series.

    Attributes:
        injection: of the tracer; None when the header does not say.
        reference: to which the voxels are decay-corrected.
        starts: of every slice's measurement.
        durations_seconds: of every slice's measurement.
        findings: what the moments rest on.
        notes: doubts, for people to read.
    """

    injection: Moment | None
    reference: Moment
    starts: tuple[Moment, ...]
    durations_seconds: tuple[float, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def seconds(self, moment: Moment) -> float:
        """Return a moment in seconds after the injection, or after the reference where there is no injection."""
        return (moment - (self.injection or self.reference)).total_seconds()


def timing_of(slices: Sequence[SliceHeader], half_life_seconds: float, *, dynamic: bool, subject: str) -> Timing:
    """Work out the times of a series.

    Args:
        slices: all slices of the series.
        half_life_seconds: of the nuclide.
        dynamic: whether the series has several frames: then the injection may come after the start.
        subject: how messages name the series.

    Raises:
        DataError: no usable time, times that contradict each other, or an injection that cannot belong to the scan.
    """
    first = slices[0]
    notes: list[str] = []
    durations = tuple(header.duration_milliseconds / 1000.0 for header in slices)
    means = _mean_offsets(slices, durations, half_life_seconds)
    starts = _starts(slices, means, half_life_seconds, subject, notes)
    if first.has_date is False:
        notes.append("the dates are of a year that no scanner has seen: only days between them and clocks are used")
    findings: list[Finding] = []
    reference = min(starts)
    _note_uneven(starts, durations, means, half_life_seconds, notes)
    if first.decay_correction == "START":
        found = _start_reference(slices, starts, means, half_life_seconds, subject)
        findings.append(found)
        reference = min(starts) + dt.timedelta(seconds=found.value)
        _require_near(reference, min(starts), half_life_seconds, found, subject)
    end = max(start + dt.timedelta(seconds=length) for start, length in zip(starts, durations, strict=True))
    injection, finding = injection_of(
        slices, min(starts), end if dynamic else min(starts), half_life_seconds, subject, notes
    )
    if injection is not None and finding is not None:
        findings.append(finding)
        if first.decay_correction == "ADMIN":
            reference = injection
        elapsed = (min(starts) - injection).total_seconds()
        if not -3600.0 <= elapsed <= _LONGEST_HALF_LIVES * half_life_seconds:
            raise DataError(
                f"{subject}: was injected at {injection} and measured at {min(starts)}, which cannot be one scan; "
                "correct the injection time"
            )
        stop = _stop(first, injection)
        took = None if stop is None else (stop - injection).total_seconds()
        require_bolus(subject, "", took, "RadiopharmaceuticalStopTime (0018,1073)")
    notes += [finding.note for finding in findings if finding.note]
    return Timing(injection, reference, starts, durations, tuple(findings), tuple(notes))


def _mean_offsets(slices: Sequence[SliceHeader], durations: Sequence[float], half_life: float) -> list[float | None]:
    """Return how long after the decay reference each slice's mean activity was, in seconds, by FrameReferenceTime.

    The standard means that moment; GE writes the start of the bed instead, so that the first has 0. A series in which
    every slice has 0 says nothing.
    """
    given = [
        None if header.reference_milliseconds is None else header.reference_milliseconds / 1000.0 for header in slices
    ]
    known = [value for value in given if value is not None]
    if not known or max(known) == 0.0:
        return [None] * len(slices)
    least = min(range(len(slices)), key=lambda index: math.inf if given[index] is None else given[index] or 0.0)
    to_mean = average_count_seconds(durations[least], half_life)
    by_start = min(known) < 0.5 * to_mean and len(set(known)) > 1
    return [
        None if value is None else value + (average_count_seconds(length, half_life) if by_start else 0.0)
        for value, length in zip(given, durations, strict=True)
    ]


def _starts(
    slices: Sequence[SliceHeader], means: Sequence[float | None], half_life: float, subject: str, notes: list[str]
) -> tuple[Moment, ...]:
    """Return when the measurement of each slice began."""
    _require_one_clock(slices, subject)
    acquired = [header.acquisition_start or header.acquisition_datetime or header.series_start for header in slices]
    known = [moment for moment in acquired if moment is not None]
    if len(known) < len(slices):
        first = slices[0]
        missing = (
            "has clock times, but no date: SeriesDate (0008,0021), AcquisitionDate (0008,0022) and StudyDate "
            "(0008,0020) are missing or unreadable"
            if first.has_time and first.has_date is None
            else "has neither acquisition nor series time"
        )
        raise DataError(f"{subject}: {missing}; export the series with its times")
    offsets = [mean for mean in means if mean is not None]
    if len(set(known)) == 1 and len(offsets) == len(slices) and len(set(offsets)) > 1:
        notes.append("one AcquisitionTime for all beds or frames: their starts are taken from FrameReferenceTime")
        begun = [
            offset - average_count_seconds(header.duration_milliseconds / 1000.0, half_life)
            for offset, header in zip(offsets, slices, strict=True)
        ]
        return tuple(known[0] + dt.timedelta(seconds=value - min(begun)) for value in begun)
    return tuple(known)


def _require_one_clock(slices: Sequence[SliceHeader], subject: str) -> None:
    """Raise where AcquisitionTime and AcquisitionDateTime of a slice are two times."""
    for header in slices:
        one, other = header.acquisition_start, header.acquisition_datetime
        if one is not None and other is not None:
            weigh(
                "the start of the acquisition",
                [
                    Witness("AcquisitionTime (0008,0032)", 0.0, str(one)),
                    Witness("AcquisitionDateTime (0008,002A)", (other - one).total_seconds(), str(other)),
                ],
                agree=within(_AGREEMENT_SECONDS),
                shown=str,
                subject=str(header.path) if len(slices) == 1 else subject,
                remedy=_REMEDY,
            )


def _start_reference(
    slices: Sequence[SliceHeader],
    starts: Sequence[Moment],
    means: Sequence[float | None],
    half_life: float,
    subject: str,
) -> Finding:
    """Return the time to which a series with DecayCorrection START is corrected, in seconds after its first start."""
    earliest = min(starts)

    def witness(field: str, moment: Moment, shown: str) -> Witness:
        return Witness(field, (moment - earliest).total_seconds(), shown)

    witnesses: list[Witness] = []
    series = min((header.series_start for header in slices if header.series_start), default=None)
    if series is not None and series <= earliest:  # a later one is that of a reconstruction
        witnesses.append(witness("SeriesTime (0008,0031)", series, f"{series:%H:%M:%S}"))
    vendor = min((header.vendor_start for header in slices if header.vendor_start), default=None)
    if vendor is not None and vendor <= earliest:
        witnesses.append(witness("the vendor's scan start", vendor, f"{vendor:%H:%M:%S}"))
    by_series = len(witnesses)
    index = starts.index(earliest)
    start, header = starts[index], slices[index]
    to_mean = average_count_seconds(header.duration_milliseconds / 1000.0, half_life)
    mean, factor = means[index], header.decay_factor
    if mean is not None:
        moment = start + dt.timedelta(seconds=to_mean - mean)
        shown = f"{header.reference_milliseconds:g} ms (that is {moment:%H:%M:%S})"
        witnesses.append(witness("FrameReferenceTime (0054,1300)", moment, shown))
    if factor is not None and factor != 1.0:
        moment = start + dt.timedelta(seconds=to_mean - math.log2(factor) * half_life)
        witnesses.append(witness("DecayFactor (0054,1321)", moment, f"{factor:g} (that is {moment:%H:%M:%S})"))
    # START is the start of the acquisition, or of the series of beds that it belongs to. So it bears a series time out
    # that is the same, but does not contradict an earlier one; the frame's fields are counted from it, and no proof.
    if not witnesses or any(abs(one.value) <= _AGREEMENT_SECONDS for one in witnesses[:by_series]):
        witnesses.append(witness("AcquisitionTime (0008,0032)", earliest, f"{earliest:%H:%M:%S}"))
    found = weigh(
        "the decay reference",
        witnesses,
        agree=within(_AGREEMENT_SECONDS),
        shown=lambda seconds: f"{earliest + dt.timedelta(seconds=seconds):%H:%M:%S}",
        subject=subject,
        remedy=_REMEDY,
    )
    if found is None:
        raise DataError(f"{subject}: says nothing on its decay reference; export the series with its times")
    return found


def _note_uneven(
    starts: Sequence[Moment],
    durations: Sequence[float],
    means: Sequence[float | None],
    half_life: float,
    notes: list[str],
) -> None:
    """Note where AcquisitionTime and FrameReferenceTime put the decay references of beds or frames apart."""
    references = [
        start + dt.timedelta(seconds=average_count_seconds(length, half_life) - mean)
        for start, length, mean in zip(starts, durations, means, strict=True)
        if mean is not None
    ]
    if references and (max(references) - min(references)).total_seconds() > _AGREEMENT_SECONDS:
        notes.append(
            "by AcquisitionTime and FrameReferenceTime, beds or frames have decay references "
            f"{(max(references) - min(references)).total_seconds():.0f} s apart: that of the first is used"
        )


def _require_near(reference: Moment, start: Moment, half_life: float, found: Finding, subject: str) -> None:
    """Raise where a series would be corrected to a time that is no part of its examination."""
    seconds = (start - reference).total_seconds()
    if not abs(seconds) <= _LONGEST_HALF_LIVES * half_life:
        raise DataError(
            f"{subject}: the decay reference is {reference} by {' and '.join(found.witnesses)}, but the scan began at "
            f"{start}; {_REMEDY}"
        )


def _stop(header: SliceHeader, injection: Moment) -> Moment | None:
    tracer = header.tracer
    if tracer is None:
        return None
    clock = tracer.stop_clock or (tracer.stop.time() if tracer.stop and tracer.start else None)
    if clock is None:
        return None
    stop = dt.datetime.combine(injection.date(), clock)
    return stop if stop >= injection else None
