"""Times, ages and private elements as DICOM writes them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

Moment = dt.datetime

_DATED_YEARS = range(1900, 2200)
_NOMINAL_YEAR = 2000  # a leap year, so that every day of the calendar exists


def moment(date: str, time: str) -> Moment | None:
    """Return the moment of a DICOM date and time, or None when one of them is missing or unreadable."""
    day, clock = calendar_day(date), clock_time(time)
    return None if clock is None or day is None else Moment.combine(day, clock)


def calendar_day(text: str) -> dt.date | None:
    """Return a DICOM date, or None when it is missing or unreadable.

    Years that no scanner has seen, such as 1 of an empty date or 9999 of an anonymised one, become one nominal year:
    days keep their distance, and arithmetic with them cannot leave the calendar.
    """
    digits = text.replace(".", "").replace("-", "").strip()
    if not re.fullmatch(r"\d{8}", digits):
        return None
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return day if day.year in _DATED_YEARS else day.replace(year=_NOMINAL_YEAR)


def is_no_date(text: str) -> bool:
    """Return whether a date can be read, but is of a year that no scanner has seen."""
    digits = text.replace(".", "").replace("-", "").strip()[:4]
    return calendar_day(text) is not None and int(digits) not in _DATED_YEARS


def parse_datetime(text: str) -> Moment | None:
    """Return the moment of a DICOM date-time as its own clock says it, whatever its offset from UTC."""
    text = re.sub(r"[+-]\d{4}$", "", text.strip())
    return moment(text[:8], text[8:]) if len(text) >= 10 else None


def offset_minutes(text: str) -> int | None:
    """Return the offset from UTC at the end of a DICOM date-time, or of TimezoneOffsetFromUTC; None without one."""
    match = re.search(r"([+-])(\d{2})(\d{2})$", text.strip())
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return (minutes if match[1] == "+" else -minutes) if minutes <= 14 * 60 and int(match[3]) < 60 else None


def clock_time(text: str) -> dt.time | None:
    """Return a DICOM time of day, or None when it is missing or unreadable."""
    digits, _, fraction = text.replace(":", "").strip().partition(".")
    if not digits.isdecimal() or not digits.isascii() or len(digits) not in (2, 4, 6):
        return None
    digits = digits.ljust(6, "0")
    try:
        micro = int(fraction[:6].ljust(6, "0")) if fraction.isdecimal() and fraction.isascii() else 0
        return dt.time(int(digits[:2]), int(digits[2:4]), min(int(digits[4:6]), 59), micro)
    except ValueError:
        return None


def age_years(text: str) -> float | None:
    """Return a DICOM age, `061Y` or `018M`, in years; None when it is missing or unreadable."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text.strip().upper())
    return None if match is None else int(match[1]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]


def private_text(dataset: Any, group: int, offset: int, maker: str) -> str:
    """Return a private element of one maker as text, in whichever block of its group the file has reserved for it.

    A file whose block 10 has lost the name of its owner is taken to have that maker's there, as scanners write it.

    Args:
        dataset: a header.
        group: odd.
        offset: of the element in its block.
        maker: how the block's owner begins, in capitals.
    """
    # A group's elements stand in its header by number; asked for one by one, 240 times a slice, they cost much.
    blocks = [tag & 0xFFFF for tag in _tags_of(dataset, group) if 0x10 <= tag & 0xFFFF < 0x100]
    owners = {block: _private_value(dataset, group, block).upper() for block in blocks}
    mine = [block for block, owner in owners.items() if owner.startswith(maker)]
    if not mine and not owners.get(0x10):
        mine = [0x10]
    found = (_private_value(dataset, group, block << 8 | offset) for block in mine)
    return next((text for text in found if text), "")


def _tags_of(dataset: Any, group: int) -> list[int]:
    """Return the tags of a group's elements that a header has, in rising order."""
    return sorted(tag for tag in map(int, dataset.keys()) if tag >> 16 == group)


def _private_value(dataset: Any, group: int, element: int) -> str:
    """Return a private element as text; where its type is unknown, it comes as bytes."""
    if (group, element) not in dataset:
        return ""
    value = dataset[group, element].value
    return (value.decode("ascii", "ignore") if isinstance(value, bytes) else str(value)).strip("\0 ")
