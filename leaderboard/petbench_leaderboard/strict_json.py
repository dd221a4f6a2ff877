"""JSON from strangers: no NaN, no number too large, no key twice, no text that is obeyed or hidden, no depth."""

from __future__ import annotations

import json
from typing import Any

from petbench_leaderboard import storable


def parse(content: bytes) -> Any:
    """Return the value that `content` holds; every output can carry it.

    Raises:
        ValueError: what is wrong with it, in a few words.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_no_key_twice,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no text in UTF-8: {error.reason} at byte {error.start}") from None
    storable.check(value)
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not storable.is_number(value):
        raise ValueError(f"{digits[:20]} is larger than any number that is stored")
    return value


def _integer(digits: str) -> int:
    if len(digits) > len(str(-storable.LARGEST_INTEGER)):  # before Python makes a number of a million digits
        raise ValueError("an integer of more than 64 bits")
    return int(digits)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found
