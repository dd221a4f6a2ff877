"""Random damage to bytes and to JSON: the same for the same seed."""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

CASES = int(os.environ.get("PETBENCH_FUZZ_CASES", "500"))
"""How many a test tries: `make fuzz` asks for 10,000."""

RAW = ("1e999", "NaN", "-Infinity", "9" * 40, '"\\ud800"', "[" * 2000, "true", "{}", '"\\u001b[2J"')
"""What JSON's own writer would not write."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**70, 10**30, 1e308, -1e101, 0.5, "", "x", "40", "\u202e", "\u200b", "\x1b[31m",
    "[/a]", "<script>", "=1+1", "a\0", "x" * 5000, [], [[]], [None], {}, {"a": {}}, ["sub-01"], "../../etc", "identity",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "predictable", "own", "competitor", "images=10",
)  # fmt: skip
"""Of the wrong type, size, range or meaning for most fields."""


def damaged_bytes(content: bytes, generator: Random) -> bytes:
    """Return a content cut, overwritten, doubled or filled somewhere."""
    data = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(max(1, len(data)))
        match generator.randrange(5):
            case 0:
                data[place : place + 1] = bytes([generator.randrange(256)])
            case 1:
                del data[place : place + generator.randint(1, 64)]
            case 2:
                data[place:place] = bytes(generator.randrange(256) for _ in range(generator.randint(1, 16)))
            case 3:
                data[place : place + 8] = b"\xff" * 8
            case _:
                data[place:place] = data[place : place + generator.randint(1, 64)]
    return bytes(data)


def damaged_json(value: Any, generator: Random) -> bytes:
    """Return a JSON text in which one to three values, anywhere, are others, gone, doubled, or no JSON at all."""
    value = copy.deepcopy(value)
    for _ in range(generator.randint(1, 3)):
        holder, key = generator.choice(_places(value))
        match generator.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[f"{key}x"] = holder[key]
            case 2 if isinstance(holder, list):
                holder.append(holder[key])
            case 3:
                holder[key] = "@raw@"
            case _:
                holder[key] = copy.deepcopy(generator.choice(VALUES))
    return json.dumps(value).replace('"@raw@"', generator.choice(RAW)).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        item = pending.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        found += [(item, key) for key in keys]
        pending += [item[key] for key in keys]
    return found
