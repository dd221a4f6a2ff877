"""Seeds and folds as they are typed: `3`, `0,2,7`, `0..4`, and `all` for folds."""

from __future__ import annotations

import re

from petbench.errors import UsageError

MOST_NUMBERS = 10_000


def parse_numbers(text: str, option: str, everything: int | None = None) -> tuple[int, ...]:
    """Return the numbers that `text` names, each once, in the order in which it names them.

    Args:
        text: numbers and ranges such as `0..4`, whose ends both belong, separated by commas; or `all`.
        option: what it was typed for, for the message.
        everything: `all` means 0 to one less than this; None where `all` means nothing.

    Raises:
        UsageError: it is written in another way.
    """
    if text == "all" and everything is not None:
        return tuple(range(everything))
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            rest = " or all" if everything is not None else ""
            raise UsageError(f"{option} {text!r} is not understood; write 3, 0,2,7, 0..4{rest}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first >= MOST_NUMBERS:
            raise UsageError(f"{option} {text!r} is more than {MOST_NUMBERS} runs; name fewer")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)
