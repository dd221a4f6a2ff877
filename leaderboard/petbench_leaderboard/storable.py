"""What the leaderboard stores: only what every output can carry. One rule, for everything that comes in.

JSON knows no infinity, a database no integer beyond 64 bits, a mean no number whose square overflows, a file no half of
a surrogate pair; a terminal obeys control characters, and a reader is deceived by marks that turn a text around or that
nobody sees. So a number is finite and at most 1e100, an integer has 64 bits, a moment lies between 1970 and 2200, a
text holds characters that are shown as they are, and nothing is nested without end.

`check` refuses what a stranger sends or a plugin plans; `cleaned` mends what petbench itself has measured or was told
by an exception, since no run should be lost by its last words.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_NUMBER = 1e100
"""Of a size: sums of squares of such numbers are still numbers."""
LARGEST_INTEGER = 2**63 - 1
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
DEEPEST = 32
"""Of values within values."""
LONGEST_TEXT = 20_000
_LINES = "\n\t"
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
"""Categories of characters that are obeyed, hidden or nobody's: controls, formats, surrogates, line separators."""


def check(value: object) -> None:
    """Refuse a value that some output cannot carry.

    Args:
        value: plain data: None, numbers, texts, moments, and lists, tuples and dictionaries of them.

    Raises:
        ValueError: what is wrong with it, in a few words.
    """
    pending: list[tuple[object, int]] = [(value, 0)]  # not recursive: a stranger chooses how deep it goes
    while pending:
        item, depth = pending.pop()
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} values")
        if isinstance(item, dict):
            pending += ((part, depth + 1) for pair in item.items() for part in pair)
            if not all(isinstance(key, str) for key in item):
                raise ValueError("a key is no text")
        elif isinstance(item, (list, tuple)):
            pending += ((part, depth + 1) for part in item)
        else:
            problem = _problem(item)
            if problem:
                raise ValueError(problem)


def is_number(value: float) -> bool:
    """Whether a number is finite, and so are sums of squares of such numbers."""
    return math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def check_text(text: str, *, lines: bool = False) -> str:
    """Return a text that is shown as it is; refuse one that is obeyed, hidden or endless.

    Args:
        text: from anywhere.
        lines: whether it may have line breaks and tabulators.

    Raises:
        ValueError: what is wrong with it, in a few words.
    """
    problem = _text_problem(text, _LINES if lines else "")
    if problem:
        raise ValueError(problem)
    return text


def plain(text: str) -> str:
    r"""Return a text with every character that is obeyed or hidden spelled out, such as `\x1b` or `\u202e`.

    Line breaks and tabulators stay. What is already plain is returned as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(letter) if letter not in _LINES and _is_hidden(letter) else letter for letter in text)


def carried(text: str) -> str:
    """Return a text as every output can carry it: plain, and cut with a word where it is too long."""
    shown = plain(text)
    if len(shown) <= LONGEST_TEXT:
        return shown
    note = f"\n… cut here, of {len(shown):,} characters\n"
    return shown[: LONGEST_TEXT - len(note)] + note


def cleaned(value: Any) -> Any:
    """Return a value that every output can carry: what petbench measured, with what cannot be carried mended.

    A number that is none is None: nothing was measured. Texts are made plain, too large integers are texts, and
    what is no plain data at all is its text.
    """
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(str(key)): cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(cleaned(item) for item in value)
    if isinstance(value, float) and not is_number(value):
        return None
    if hasattr(value, "items"):
        return cleaned(dict(value))
    return value if _problem(value) is None else plain(str(value))


def _problem(item: object) -> str | None:
    """Return what is wrong with a value that holds no others; None where nothing is."""
    if item is None or isinstance(item, bool):
        return None
    if isinstance(item, int):
        return None if abs(item) <= LARGEST_INTEGER else "an integer of more than 64 bits"
    if isinstance(item, float):
        return None if is_number(item) else f"{item:g} is no number that can be stored"
    if isinstance(item, str):
        return _text_problem(item, _LINES)
    if isinstance(item, datetime):
        return _moment_problem(item)
    return f"a {type(item).__name__} is no plain value"


def _moment_problem(moment: datetime) -> str | None:
    if moment.tzinfo is None:
        return "a time without its time zone"
    # An hour less than the years 1 or 9999 have cannot be brought to UTC at all, so the year is looked at first.
    within = FIRST_MOMENT.year - 1 <= moment.year <= LAST_MOMENT.year and FIRST_MOMENT <= moment < LAST_MOMENT
    return None if within else f"a time in the year {moment.year}"


def _text_problem(text: str, allowed: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"a text of {len(text)} characters"
    if text.isascii() and text.isprintable():
        return None
    found = next(_hidden_letters(text, allowed), None)
    return None if found is None else f"a text with the hidden or control character {_spelled(found)}"


def _hidden_letters(text: str, allowed: str) -> Iterator[str]:
    return (letter for letter in text if letter not in allowed and _is_hidden(letter))


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN


def _spelled(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
