"""When the tracer was injected, by every field of a DICOM PET series that says so."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.evidence.witnesses import Finding, Witness, weigh, within
from petbench_datasets.images.decay import average_count_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.importers.dicom_headers import SliceHeader, Tracer
    from petbench_datasets.importers.dicom_values import Moment

_DAY = dt.timedelta(days=1)
_HALF_LIVES = 10.0
"""For so many of them a tracer can be scanned: after that a thousandth is left. For F-18 that is less than a day."""
_AGREEMENT_SECONDS = 60.0  # one of the fields is often rounded to minutes
_DATETIME = "RadiopharmaceuticalStartDateTime (0018,1078)"
_CLOCK = "RadiopharmaceuticalStartTime (0018,1072)"


def injection_of(
    slices: Sequence[SliceHeader], scan: Moment, latest: Moment, half_life: float, subject: str, notes: list[str]
) -> tuple[Moment | None, Finding | None]:
    """Return the moment of the injection on the scanner's clock, and what it rests on; None where nothing says it.

    Args:
        slices: all of the series.
        scan: when it began.
        latest: when the injection may have been at the latest.
        half_life: of the nuclide, in seconds.
        subject: how messages name the series.
        notes: doubts are added here.

    Raises:
        DataError: two fields that contradict each other, or a date-time in UTC whose local time nobody says.
    """
    tracer = slices[0].tracer
    if tracer is None:
        return None, None
    witnesses: list[Witness] = []

    def add(field: str, moment: Moment, shown: str) -> None:
        witnesses.append(Witness(field, (moment - scan).total_seconds(), shown))

    local, shown = _local(tracer, slices[0].timezone_minutes, subject)
    longest = max(_DAY, dt.timedelta(seconds=_HALF_LIVES * half_life))
    is_dated = local is not None and scan - longest < local <= latest
    if local is not None:
        if not is_dated:
            # Anonymisation moves dates, but rarely both alike; the clock is right.
            local = _on_the_day(local.time(), scan, latest)
            notes.append("the injection's date does not fit the scan's: only its time of day is used")
        add(_DATETIME, local, shown)
    if tracer.start_clock is not None:
        moment = _on_the_day(tracer.start_clock, scan, latest)
        if is_dated and local is not None:
            moment += _DAY * round((local - moment) / _DAY)  # a time of day is that of whichever day the date names
        elif longest > _DAY:
            notes.append("the day of the injection is not said, and the nuclide lives for days: taken as the last one")
        add(_CLOCK, moment, f"{tracer.start_clock:%H:%M:%S}")
    first = slices[0]
    if first.decay_correction == "ADMIN" and first.decay_factor not in {None, 1.0} and witnesses:
        implied = _by_decay_factor(slices, half_life)
        if implied is not None:
            add("DecayFactor (0054,1321)", implied, f"(that is {implied:%H:%M:%S})")
    found = weigh(
        "the injection",
        witnesses,
        agree=within(_AGREEMENT_SECONDS),
        shown=lambda seconds: f"{scan + dt.timedelta(seconds=seconds):%H:%M:%S}",
        subject=subject,
        remedy="correct the wrong one",
    )
    return (None, None) if found is None else (scan + dt.timedelta(seconds=found.value), found)


def _local(tracer: Tracer, timezone_minutes: int | None, subject: str) -> tuple[Moment | None, str]:
    """Return the injection's date-time on the scanner's clock, and as it is written."""
    if tracer.start is None:
        return None, ""
    shown, offset = f"{tracer.start:%H:%M:%S}", tracer.start_offset_minutes
    if offset is None:
        return tracer.start, shown
    shown += f" at UTC{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    if timezone_minutes is not None:
        return tracer.start + dt.timedelta(minutes=timezone_minutes - offset), shown
    if offset == 0 and tracer.start_clock is None:
        raise DataError(
            f"{subject}: {_DATETIME} is {shown}, but TimezoneOffsetFromUTC (0008,0201) is missing, so that the "
            "scanner's own clock is not known; export the series with it"
        )
    return tracer.start, shown  # written with the offset of the place where it was written


def _on_the_day(clock: dt.time, scan: Moment, latest: Moment) -> Moment:
    """Return the moment of a clock time on the day of the scan, or on the day before."""
    moment = dt.datetime.combine(scan.date(), clock)
    return moment - _DAY if moment > latest else moment


def _by_decay_factor(slices: Sequence[SliceHeader], half_life: float) -> Moment | None:
    """Return the injection that the DecayFactor of a series corrected to it implies."""
    timed = [
        (header.acquisition_start, header)
        for header in slices
        if header.acquisition_start is not None and header.decay_factor is not None
    ]
    if not timed:
        return None
    start, header = min(timed, key=lambda item: item[0])
    to_mean = average_count_seconds(header.duration_milliseconds / 1000.0, half_life)
    return start + dt.timedelta(seconds=to_mean - math.log2(header.decay_factor or 1.0) * half_life)
