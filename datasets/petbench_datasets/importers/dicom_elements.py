"""The elements of a DICOM header, or of an item in it, read by the table of fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from petbench_datasets.boundary import first_line
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.dicom_fields import DICOM_FIELDS
from petbench_datasets.evidence.fields import Otherwise
from petbench_datasets.importers.dicom_values import private_text

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = {
    "PhilipsSUVFactor": (0x7053, 0x00, "PHILIPS"),
    "PhilipsActivityFactor": (0x7053, 0x09, "PHILIPS"),
    "GEScanDateTime": (0x0009, 0x0D, "GEMS"),
    "SiemensScanDateTime": (0x0071, 0x22, "SIEMENS"),
}


class Elements:
    """The elements of a header or of an item, read by the table of fields."""

    def __init__(self, path: Path, dataset: Any) -> None:
        self.path, self.dataset = path, dataset

    def raw(self, name: str) -> Any:
        """Return an element as pydicom gives it; None where it is absent, or cannot be read and is done without."""
        known = DICOM_FIELDS.get(name)
        try:
            if name in _PRIVATE:
                return private_text(self.dataset, *_PRIVATE[name])
            return self.dataset.get(name)
        except Exception as error:  # pydicom converts an element when it is asked for
            if known is None or known.wrong is not Otherwise.REFUSED:
                return None
            raise DataError(
                f"{self.path}: {known.label} cannot be read ({first_line(error)}); export the series again"
            ) from error

    def text(self, name: str) -> str:
        """Return an element as text, blanks made single."""
        value = self.raw(name)
        return "" if value is None else re.sub(r"\s+", " ", str(value)).strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an element of several words, in capitals."""
        value = self.raw(name)
        several = (value,) if isinstance(value, (str, int, float)) else tuple(value or ())
        return tuple(str(one).strip().upper() for one in several if str(one).strip())

    def word(self, name: str) -> str:
        """Return a word in capitals, see `Field.word`."""
        return DICOM_FIELDS[name].word(self.raw(name), self.path)

    def number(self, name: str) -> float | None:
        """Return a number, see `Field.number`."""
        return DICOM_FIELDS[name].number(self.raw(name), self.path)

    def needed(self, name: str) -> float:
        """Return a number that must be there."""
        number = self.number(name)
        if number is None:
            raise DataError(f"{self.path}: {DICOM_FIELDS[name].label} is missing; export the series with it")
        return number

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Return several numbers, see `Field.numbers`."""
        return DICOM_FIELDS[name].numbers(self.raw(name), count, self.path)

    def needed_text(self, name: str) -> str:
        """Return a text that must be there."""
        text = self.text(name)
        if not text:
            raise DataError(f"{self.path}: {DICOM_FIELDS[name].label} is missing; export the series with it")
        return text
