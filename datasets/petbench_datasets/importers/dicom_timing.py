"""When a DICOM PET series was injected, measured, and to which time it is decay-corrected.

The rules are QIBA's and the Image Biomarker Standardisation Initiative's, with one measured correction: the series
time goes first, since anonymisation may leave one acquisition time for all beds (10.9 % SUV on a real scan).
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import average_count_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.importers.dicom_headers import SliceHeader, Tracer
    from petbench_datasets.importers.dicom_values import Moment

_DAY = dt.timedelta(days=1)
_DISAGREEMENT_SECONDS = 30.0
_LONGEST_HALF_LIVES = 8.0


@dataclass(frozen=True)
class Timing:
    """The moments of one series.

    Attributes:
        injection: of the tracer; None when the header does not say.
        reference: to which the voxels are decay-corrected.
        starts: of every slice's measurement.
        durations_seconds: of every slice's measurement.
        notes: doubts, for people to read.
    """

    injection: Moment | None
    reference: Moment
    starts: tuple[Moment, ...]
    durations_seconds: tuple[float, ...]
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
        DataError: no usable time, or an injection that cannot belong to the scan.
    """
    first = slices[0]
    durations = tuple((header.duration_milliseconds or 0.0) / 1000.0 for header in slices)
    if min(durations) <= 0.0:
        raise DataError(f"{subject}: ActualFrameDuration (0018,1242) is missing; export the series with it")
    notes: list[str] = []
    starts = _starts(slices, subject, notes)
    if first.decay_correction == "START":
        reference = _start_reference(slices, starts, half_life_seconds, notes)
    else:
        reference = min(starts)
    end = max(start + dt.timedelta(seconds=length) for start, length in zip(starts, durations, strict=True))
    injection = _injection(first.tracer, min(starts), end if dynamic else min(starts), notes)
    if injection is not None:
        if first.decay_correction == "ADMIN":
            reference = injection
        elapsed = (min(starts) - injection).total_seconds()
        if not -3600.0 <= elapsed <= _LONGEST_HALF_LIVES * half_life_seconds:
            raise DataError(
                f"{subject}: was injected at {injection} and measured at {min(starts)}, which cannot be one scan; "
                "correct the injection time"
            )
    return Timing(injection, reference, starts, durations, tuple(notes))


def _starts(slices: Sequence[SliceHeader], subject: str, notes: list[str]) -> tuple[Moment, ...]:
    """Return when the measurement of each slice began."""
    acquired = [header.acquisition_start or header.series_start for header in slices]
    known = [moment for moment in acquired if moment is not None]
    if len(known) < len(slices):
        raise DataError(f"{subject}: has neither acquisition nor series time; export the series with its times")
    references = [header.reference_milliseconds for header in slices]
    given = [value / 1000.0 for value in references if value is not None]
    if len(set(known)) == 1 and len(given) == len(slices) and len(set(given)) > 1:
        notes.append("one AcquisitionTime for all beds or frames: their starts are taken from FrameReferenceTime")
        return tuple(known[0] + dt.timedelta(seconds=value - min(given)) for value in given)
    return tuple(known)


def _start_reference(
    slices: Sequence[SliceHeader], starts: Sequence[Moment], half_life: float, notes: list[str]
) -> Moment:
    """Return the time to which a series with DecayCorrection START is corrected."""
    earliest = min(starts)
    series = min((header.series_start for header in slices if header.series_start), default=None)
    vendor = min((header.vendor_start for header in slices if header.vendor_start), default=None)
    computed = _back_computed(slices, starts, half_life)
    if series is not None and series <= earliest:
        chosen, name = series, "SeriesTime"
    elif vendor is not None and vendor <= earliest:
        chosen, name = vendor, "the vendor's scan start"
    elif computed is not None:
        chosen, name = computed, "FrameReferenceTime"
    else:
        chosen, name = earliest, "the first acquisition time"
        notes.append("no usable series time, vendor time or FrameReferenceTime: corrected to the first acquisition")
    by_factor = _from_decay_factor(slices, starts, half_life)
    for other, source in ((computed, "FrameReferenceTime"), (by_factor, "DecayFactor")):
        if other is not None and source != name:
            difference = (other - chosen).total_seconds()
            if abs(difference) > _DISAGREEMENT_SECONDS:
                notes.append(f"decay reference is {name}; {source} would put it {difference:+.0f} s from there")
    return chosen


def _back_computed(slices: Sequence[SliceHeader], starts: Sequence[Moment], half_life: float) -> Moment | None:
    """Return acquisition time + average count time - FrameReferenceTime, of the slice with the least of the last."""
    candidates = [
        (header.reference_milliseconds / 1000.0, start, (header.duration_milliseconds or 0.0) / 1000.0)
        for header, start in zip(slices, starts, strict=True)
        if header.reference_milliseconds is not None
    ]
    if not candidates:
        return None
    reference, start, duration = min(candidates)
    return start + dt.timedelta(seconds=average_count_seconds(duration, half_life) - reference)


def _from_decay_factor(slices: Sequence[SliceHeader], starts: Sequence[Moment], half_life: float) -> Moment | None:
    """Return the reference that the DecayFactor of the earliest slice implies; a factor of 1 says nothing."""
    start, header = min(zip(starts, slices, strict=True), key=lambda item: item[0])
    factor = header.decay_factor
    if factor is None or factor <= 0.0 or factor == 1.0:
        return None
    duration = (header.duration_milliseconds or 0.0) / 1000.0
    offset = math.log2(factor) * half_life - average_count_seconds(duration, half_life)
    return start - dt.timedelta(seconds=offset)


def _injection(tracer: Tracer | None, scan: Moment, latest: Moment, notes: list[str]) -> Moment | None:
    """Return the moment of the injection: its date-time where that fits the scan, else its clock time and the day."""
    if tracer is None:
        return None
    if tracer.start is not None and scan - _DAY < tracer.start <= latest:
        return tracer.start
    clock = tracer.start_clock
    if tracer.start is not None:
        # Anonymisation moves dates, but rarely both alike; the clock is right.
        clock = clock or tracer.start.time()
        notes.append("the injection's date does not fit the scan's: only its time of day is used")
    if clock is None:
        return None
    moment = dt.datetime.combine(scan.date(), clock)
    return moment - _DAY if moment > latest else moment
