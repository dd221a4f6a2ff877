"""Times and numbers as DICOM writes them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Moment = dt.datetime


def moment(date: str, time: str) -> Moment | None:
    """Return the moment of a DICOM date and time, or None when one of them is missing or unreadable."""
    day, clock = date.replace(".", "").replace("-", "").strip(), clock_time(time)
    try:
        return None if clock is None else Moment.combine(Moment.strptime(day, "%Y%m%d").date(), clock)
    except ValueError:
        return None


def parse_datetime(text: str) -> Moment | None:
    """Return the moment of a DICOM date-time; a time-zone suffix is dropped, for all times here are local."""
    text = text.strip().split("&")[0].split("+")[0]
    text = text[:8] + text[8:].split("-")[0]
    return moment(text[:8], text[8:]) if len(text) >= 10 else None


def clock_time(text: str) -> dt.time | None:
    """Return a DICOM time of day, or None when it is missing or unreadable."""
    digits, _, fraction = text.replace(":", "").strip().partition(".")
    if not digits.isdigit() or len(digits) not in (2, 4, 6):
        return None
    digits = digits.ljust(6, "0")
    try:
        micro = int(fraction[:6].ljust(6, "0")) if fraction.isdigit() else 0
        return dt.time(int(digits[:2]), int(digits[2:4]), min(int(digits[4:6]), 59), micro)
    except ValueError:
        return None


def number(value: Any, default: float | None = None) -> float | None:
    """Return an element's number, the first of several; `default` when there is none."""
    if value is None or value == "":
        return default
    if not isinstance(value, (str, int, float, bytes)):
        value = next(iter(_items(value)), "")
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _items(value: Any) -> Iterator[Any]:
    try:
        yield from value
    except TypeError:
        yield value


def private_number(dataset: Any, group: int, element: int) -> float | None:
    """Return a private element as a number, or None."""
    text = private_text(dataset, group, element)
    return number(text) if text else None


def private_text(dataset: Any, group: int, element: int) -> str:
    """Return a private element as text; where its type is unknown, it comes as bytes."""
    if (group, element) not in dataset:
        return ""
    value = dataset[group, element].value
    return (value.decode("ascii", "ignore") if isinstance(value, bytes) else str(value)).strip("\0 ")
