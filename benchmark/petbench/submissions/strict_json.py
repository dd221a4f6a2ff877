"""JSON from submitters, by the one rule for what a leaderboard takes in."""

from __future__ import annotations

from typing import Any

from petbench.submissions.limits import SubmissionError
from petbench_leaderboard import storable, strict_json


def parse(content: bytes, name: str) -> Any:
    """Return the value that `content` holds.

    Raises:
        SubmissionError: no JSON; a number that is not finite or too large; a key given twice; nested too deep; a text
            with control or hidden characters.
    """
    try:
        return strict_json.parse(content)
    except ValueError as error:
        text = storable.plain(str(error))[:200]
        raise SubmissionError(f"{name}: no JSON that a submission holds ({text})") from None
