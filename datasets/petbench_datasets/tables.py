"""Tab- and comma-separated tables as people really write them."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Row = dict[str, str]


def read_table(path: Path, delimiter: str = "\t") -> list[Row]:
    """Read a table with a header line; `n/a` and blank cells come back as empty strings.

    Raises:
        DataError: missing, not text, or a line with more cells than the header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; write the table") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as UTF-8 text; export the table again") from error
    rows: list[Row] = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text), delimiter=delimiter), start=2):
        if None in row:
            raise DataError(f"{path}: line {number} has more cells than the header; correct it")
        cells = {(key or "").strip(): (value or "").strip() for key, value in row.items()}
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


def _cell(value: object) -> str:
    return "n/a" if value is None or value == "" else str(value)
