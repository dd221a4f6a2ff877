"""What became of a run whose row says that it is under way: a process that is killed cannot say that it ended."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from petbench.processes import lock
from petbench.runs.job_note import active_note
from petbench.runs.lookup import find_folder_or_none

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_leaderboard.records import RunRow

UNFINISHED = ("planned", "running")
"""Statuses that a run can still leave."""

DIED = "its process ended without a message; repeat the command to resume from its checkpoint"


def is_abandoned(row: RunRow, home: Home) -> bool:
    """Return whether a row is unfinished although no process holds its folder.

    Of a run whose folder is not here nobody can say that: it may run on another machine. One that an engine has been
    handed waits or runs there, whatever is locked here.
    """
    folder = find_folder_or_none(row, home) if row.status in UNFINISHED else None
    return folder is not None and active_note(folder) is None and not lock.is_held(folder.lock)


def as_it_is(row: RunRow, home: Home) -> RunRow:
    """Return a row to show: `interrupted` where it is said to run and its process has died.

    Nothing is stored: whoever repeats the command does that. A planned run may only be waiting for its turn.
    """
    if row.status != "running":
        return row
    try:
        abandoned = is_abandoned(row, home)
    except OSError:  # somebody else's folder, which one may only read
        return row
    if not abandoned:
        return row
    return dataclasses.replace(row, status="interrupted", error_message=DIED)
