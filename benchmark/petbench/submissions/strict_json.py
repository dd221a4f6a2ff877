"""JSON from submitters: no NaN, no key twice, no text that a terminal would obey."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from petbench.submissions.limits import SubmissionError

LONGEST_TEXT = 4000


def parse(content: bytes, name: str) -> Any:
    """Return the value that `content` holds.

    Raises:
        SubmissionError: no JSON; NaN or infinity; a key given twice; nested too deep; a text with control characters.
    """
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_no_key_twice)
        _check_texts(value)
    except RecursionError:
        raise SubmissionError(f"{name}: nested too deep") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise SubmissionError(
            f"{name}: no JSON that a submission holds ({' '.join(repr(str(error))[:160].split())})"
        ) from None
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
            raise ValueError("a text is too long or holds control characters")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)
