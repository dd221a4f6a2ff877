"""On which line of a TOML file a key stands; `tomllib` does not say."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line, from 1, on which the value at a path begins, or the table that holds it; else None.

    The file is read again, line by line more of it, until the value is there: what TOML means decides, not its looks.

    Args:
        text: of the file, which is valid TOML.
        path: keys of tables within tables; an index of an array, and what follows a missing key, is passed over.
    """
    keys = [each for each in path if isinstance(each, str)]
    lines = text.splitlines()
    for length in range(len(keys), 0, -1):
        if not _is_there(tomllib.loads(text), keys[:length]):
            continue
        begins = 1
        for number in range(1, len(lines) + 1):
            try:
                found = tomllib.loads("\n".join(lines[:number]))
            except tomllib.TOMLDecodeError:  # within a value of several lines
                continue
            if _is_there(found, keys[:length]):
                return begins
            begins = number + 1
    return None


def _is_there(values: dict[str, Any], keys: Sequence[str]) -> bool:
    inner: Any = values
    for key in keys:
        if not isinstance(inner, dict) or key not in inner:
            return False
        inner = inner[key]
    return True
