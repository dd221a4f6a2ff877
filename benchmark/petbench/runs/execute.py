"""Run a plan once: show what is stored, resume what was interrupted, or start afresh."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, UsageError
from petbench.plans.planner import check_source
from petbench.processes.lock import claimed
from petbench.runs.folder import find_folder, folder_of, is_made_here
from petbench.runs.supervisor import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow

#: Statuses from which the same command resumes in the same folder.
RESUMABLE = ("planned", "interrupted")
#: Statuses from which it does so where the training has ended: what came after it is done again, and no more.
RESUMABLE_WHEN_TRAINED = ("failed", "out-of-memory", "timed-out")


class RunningElsewhereError(PetbenchError):
    """The same run is going on in another process."""


def execute(plan: RunPlan, supervisor: Supervisor, *, force: bool = False) -> tuple[RunRow, bool]:
    """Return the row of a plan, and whether it was on the leaderboard already.

    Of several processes with one home and the same plan, one makes the run.

    Args:
        plan: what to run.
        supervisor: makes the run.
        force: start afresh although the same run is stored.

    Raises:
        RunningElsewhereError: the same run is going on in another process.
    """
    done = None if force else _done(plan, supervisor)
    if done is not None:
        return done, True
    with _claim(plan, supervisor):
        return _execute(plan, supervisor, force=force)


def claim_of(plan: RunPlan, supervisor: Supervisor) -> Path:
    """Return the lock of the process that makes a run; a run has no folder to lock before it is planned."""
    return supervisor.home.claim(supervisor.leaderboard.name, plan.identity)


@contextlib.contextmanager
def _claim(plan: RunPlan, supervisor: Supervisor) -> Iterator[None]:
    """Within the block, be the one process that makes a run."""
    with claimed(claim_of(plan, supervisor)) as mine:
        if not mine:
            raise RunningElsewhereError(
                f"another process makes the same run of {plan.method}; wait for it, or stop it with Ctrl-C there"
            )
        yield


def _done(plan: RunPlan, supervisor: Supervisor) -> RunRow | None:
    return next((row for row in supervisor.leaderboard.find(plan.identity) if row.status == "ok"), None)


def _execute(plan: RunPlan, supervisor: Supervisor, *, force: bool) -> tuple[RunRow, bool]:
    for stored in [] if force else supervisor.leaderboard.find(plan.identity):
        if stored.status == "ok":
            return stored, True
        if not is_made_here(stored):
            continue  # its folder is another leaderboard's
        row = supervisor.reconcile(stored)
        if row.status in UNFINISHED:
            raise RunningElsewhereError(
                f"run {row.id} is the same run and still going; wait for it, or stop it with Ctrl-C there"
            )
        if can_go_on(row, supervisor.home):
            return supervisor.start(row), False
    return supervisor.begin(plan, plan.record()), False


def can_go_on(row: RunRow, home: Home) -> bool:
    """Return whether a run of this leaderboard that has ended, but not well, goes on in its folder."""
    if row.status in RESUMABLE:
        return True
    return row.status in RESUMABLE_WHEN_TRAINED and folder_of(row, home).is_trained


def resume(run_id: int, supervisor: Supervisor) -> RunRow:
    """Resume a run that was stopped, from its newest whole checkpoint.

    Raises:
        UsageError: the run was not stopped, or its folder is elsewhere.
        RunningElsewhereError: the same run is going on in another process.
        PetbenchError: the method's code has changed since.
    """
    row = supervisor.leaderboard.run(run_id)
    plan = find_folder(row, supervisor.home).plan()
    with _claim(plan, supervisor):
        row = supervisor.reconcile(row)
        if not is_made_here(row) or not can_go_on(row, supervisor.home):
            where = "" if is_made_here(row) else ", made elsewhere"
            raise UsageError(
                f"run {run_id} is {row.status}{where}; only a run of this leaderboard can resume that was interrupted, "
                "or that did not end well after its training"
            )
        check_source(plan, supervisor.registry.method(plan.method)[1])
        return supervisor.start(row)
