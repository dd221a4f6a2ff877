"""A run's row with its scores as a file in its folder: what a node says of the run, and all that is taken from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from petbench.errors import DataError
from petbench_datasets.files import write_text
from petbench_leaderboard.exported_run import ExportedRun, as_json, parse_line

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.readable import ReadableLeaderboard


def exported(leaderboard: ReadableLeaderboard, run_id: int) -> ExportedRun:
    """Return a run of a leaderboard with all that belongs to it."""
    return ExportedRun(
        leaderboard.run(run_id),
        leaderboard.scores([run_id]),
        leaderboard.phases(run_id),
        leaderboard.source_diff(run_id),
        leaderboard.validation_scores([run_id]),
    )


def as_line(run: ExportedRun) -> str:
    """Return a run as one line of a file of runs."""
    return json.dumps(as_json(run), default=str, allow_nan=False) + "\n"


def write_row(run: ExportedRun, path: Path) -> None:
    """Write a run, wholly or not at all."""
    write_text(path, as_line(run))


def read_row(path: Path) -> ExportedRun | None:
    """Read the run in a file, None where there is none.

    Raises:
        DataError: the file is damaged.
    """
    try:
        line = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse_row(line, path)


def parse_row(line: bytes, path: Path) -> ExportedRun:
    """Return the run in a line of a file.

    Raises:
        DataError: it is damaged.
    """
    try:
        return parse_line(line, old=False)
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): repeat the command, which makes the run again") from None
