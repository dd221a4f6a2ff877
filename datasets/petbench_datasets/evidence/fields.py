"""A row of the table of what is read from a header, and the reading of a number by it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


class Otherwise(StrEnum):
    """What is done where a field is missing (absent or blank), or not what it may be."""

    REFUSED = "refused"
    NOT_IN_SUV = "refused, but in images that are SUV already"
    OTHERS = "others decide; refused where nothing else says it"
    NOTED = "noted"
    UNUSED = "done without"


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a DICOM header, field of a sidecar, or column of a table.

    Attributes:
        name: its keyword.
        place: DICOM's tag; empty in a sidecar.
        required: its type in the standard: `1`, `1C`, `2`, `3` in DICOM; `required`, `recommended`, `-` in BIDS.
        use: what is read from it.
        missing: what is done where it is absent or blank.
        low: the least number that it may be.
        high: the greatest.
        unit: of both.
        choices: the words that it may be.
        wrong: what is done where it is something else.
    """

    name: str
    place: str
    required: str
    use: str
    missing: Otherwise
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    wrong: Otherwise = Otherwise.REFUSED

    @property
    def label(self) -> str:
        """The name with DICOM's tag: `RescaleSlope (0028,1053)`."""
        return f"{self.name} {self.place}" if self.place else self.name

    @property
    def allowed(self) -> str:
        """What it may be, for people; empty where anything goes."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:g} to {self.high:g} {self.unit}".strip()

    def number(self, value: object, where: Path | str) -> float | None:
        """Return a number that a file holds for this field; None where it is missing, or wrong and done without.

        Raises:
            DataError: it is missing and required, no finite number, or out of range.
        """
        if is_missing(value):
            if self.missing is Otherwise.REFUSED:
                raise DataError(f"{where}: {self.label} is missing; export the scan with it")
            return None
        try:
            found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # whatever it is, it is a number or not
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if math.isfinite(found) and (self.low is None or self.high is None or self.low <= found <= self.high):
            return found
        if self.wrong is Otherwise.UNUSED:
            return None
        raise DataError(f"{where}: {self.label} is {shown(value)}, not {self.allowed or 'a number'}; correct it")

    def numbers(self, value: object, count: int, where: Path | str) -> tuple[float, ...]:
        """Return as many numbers as the field must hold.

        Raises:
            DataError: other than `count`, or one of them is not what `number` allows.
        """
        if is_missing(value):
            self.number(None, where)
            return ()
        several = list(value) if _is_sequence(value) else [value]  # type: ignore[call-overload]
        found = [self.number(one, where) for one in several]
        if len(found) != count or None in found:
            raise DataError(f"{where}: {self.label} is {shown(value)}, not {count} numbers; correct it")
        return tuple(one for one in found if one is not None)

    def word(self, value: object, where: Path | str) -> str:
        """Return a word in capitals; empty where it is missing and need not be there.

        Raises:
            DataError: it is missing and required, or none of `choices`.
        """
        text = "" if value is None else str(value).strip().upper()
        if text not in self.choices and is_missing(value):  # NONE is a word of DecayCorrection
            text = ""
        if not text and self.missing is Otherwise.REFUSED:
            raise DataError(f"{where}: {self.label} is missing; export the scan with it")
        if text and self.choices and text not in self.choices and self.wrong is Otherwise.REFUSED:
            raise DataError(f"{where}: {self.label} is {shown(value)}, not {' or '.join(self.choices)}")
        return text


def is_missing(value: object) -> bool:
    """Return whether a value is absent, blank, or says so: `n/a`."""
    if value is None:
        return True
    if isinstance(value, (str, bytes)):
        text = value.decode("ascii", "ignore") if isinstance(value, bytes) else value
        return text.strip("\0 \t\r\n").lower() in {"", "n/a", "na", "nan", "none"}
    return _is_sequence(value) and not len(value)  # type: ignore[arg-type]


def shown(value: Any) -> str:
    """Return a value for a message, cut where it is long."""
    text = repr(list(value)) if _is_sequence(value) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_sequence(value: object) -> bool:
    return hasattr(value, "__len__") and hasattr(value, "__getitem__") and not isinstance(value, (str, bytes, dict))
