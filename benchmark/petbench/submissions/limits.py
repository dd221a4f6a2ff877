"""What a submission may hold: everything a reader of a submission allocates is bounded by a number on this page."""

from __future__ import annotations

import re
from typing import Final

from petbench.errors import PetbenchError

FORMAT: Final = "petbench-submission"
SCHEMA: Final = 2
MANIFEST: Final = "manifest.json"
ENDING: Final = ".petbench.zip"

LARGEST_ARCHIVE_BYTES: Final = 2**32 - 2
LARGEST_DIRECTORY_BYTES: Final = 4 * 2**20
MOST_FILES: Final = 5000
LARGEST_RATIO: Final = 200
"""Of unpacked to packed bytes, of the whole archive: a log that repeats itself reaches hundreds, zeros 1000."""

_KILO, _MEGA, _GIGA = 2**10, 2**20, 2**30

LONGEST_LOG_BYTES: Final = 4 * _MEGA
"""A longer log loses its middle when it is packed."""
ALWAYS_UNPACKED_BYTES: Final = 256 * _MEGA
"""As much as a small archive may unpack to, whatever its ratio: its files are bounded one by one."""

#: Every name that a submission may hold, and the most bytes it unpacks to.
LARGEST_BYTES: Final = (
    (re.compile(r"manifest\.json"), 4 * _MEGA),
    (re.compile(r"runs/\d{1,4}/plan\.json"), _MEGA),
    (re.compile(r"runs/\d{1,4}/run\.json"), 4 * _MEGA),
    (re.compile(r"runs/\d{1,4}/environment\.txt"), _MEGA),
    (re.compile(r"runs/\d{1,4}/scores\.json"), 64 * _MEGA),
    (re.compile(r"runs/\d{1,4}/run\.log"), 32 * _MEGA),
    (re.compile(r"runs/\d{1,4}/log\.jsonl"), 32 * _MEGA),
    (re.compile(r"runs/\d{1,4}/predictions/sub-[A-Za-z0-9]{1,64}(_ses-[A-Za-z0-9]{1,64})?\.nii\.gz"), _GIGA),
    (re.compile(r"runs/\d{1,4}/weights\.pt"), 2 * _GIGA),
)

CHUNK_BYTES: Final = 256 * _KILO


class SubmissionError(PetbenchError):
    """A submission that cannot be made, read or believed."""


def largest_bytes(name: str) -> int | None:
    """Return how many bytes the file called `name` may unpack to; None where no submission holds such a file."""
    return next((limit for pattern, limit in LARGEST_BYTES if pattern.fullmatch(name)), None)
