"""Tab- and comma-separated tables as people really write them."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import TYPE_CHECKING

from petbench_datasets.boundary import first_line, reading
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Row = dict[str, str]

_MOST_BYTES = 256 * 1024**2
_DECIMAL_COMMA = re.compile(r"^([+-]?\d+),(\d+)$")
_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons"}


def read_table(path: Path, delimiter: str = "\t") -> list[Row]:
    """Read a table with a header line; `n/a` and blank cells come back as empty strings.

    A table with semicolons, as spreadsheets write one where the decimal sign is a comma, is read in place of one with
    commas; its decimal commas become points.

    Raises:
        DataError: missing, not text, separated by something else, or a line with more cells than the header.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; write the table")
    with reading(path, lambda error: f"not readable as UTF-8 text ({first_line(error)})"):
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: is {path.stat().st_size / 1e6:.0f} MB, which is no table of participants")
        text = path.read_text(encoding="utf-8-sig")
    delimiter = _delimiter(path, text, delimiter)
    rows: list[Row] = []
    with reading(path):
        read = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    for number, row in enumerate(read, start=2):
        if None in row:
            hint = " (decimal commas? write points)" if delimiter == "," else ""
            raise DataError(f"{path}: line {number} has more cells than the header{hint}; correct it")
        cells = {(key or "").strip(): (value or "").strip() for key, value in row.items()}
        if delimiter == ";":
            cells = {key: _DECIMAL_COMMA.sub(r"\1.\2", value) for key, value in cells.items()}
        if any(cells.values()):
            rows.append({key: "" if value.lower() in {"n/a", "na"} else value for key, value in cells.items()})
    return rows


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a tab-separated table, empty cells as `n/a`, wholly or not at all."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_cell(row.get(column)) for column in columns) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def number(text: str, what: str, path: Path) -> float:
    """Return a cell's number.

    Raises:
        DataError: not a finite number.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise DataError(f"{path}: {what} is {text!r}, not a number; correct it") from error
    if not math.isfinite(value):
        raise DataError(f"{path}: {what} is {text!r}, not a number; correct it")
    return value


def _delimiter(path: Path, text: str, expected: str) -> str:
    """Return what separates the cells of a table: what is expected, or semicolons in place of commas.

    Raises:
        DataError: the header is separated by something else.
    """
    header = text.partition("\n")[0]
    if expected in header:
        return expected
    other = max(_NAMES, key=header.count)
    if other not in header or {expected, other} == {",", ";"}:
        return other if other in header else expected
    raise DataError(
        f"{path}: its cells are separated by {_NAMES[other]}, not by {_NAMES[expected]}; save the table with "
        f"{_NAMES[expected]}, or name it {'.tsv' if other == chr(9) else '.csv'}"
    )


def _cell(value: object) -> str:
    return "n/a" if value is None or value == "" else str(value)
