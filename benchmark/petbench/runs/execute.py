"""Run a plan once: show what is stored, resume what was interrupted, or start afresh."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.plans.same_code import check_same_code
from petbench.runs.claims import RunningElsewhereError, claim, claim_path
from petbench.runs.lookup import find_folder, find_folder_or_none, is_made_here
from petbench.runs.supervisor import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow

#: Statuses from which the same command resumes in the same folder.
RESUMABLE = ("planned", "interrupted")


def execute(
    plan: RunPlan, supervisor: Supervisor, *, force: bool = False, waiting: Callable[[str], object] | None = None
) -> tuple[RunRow, bool]:
    """Return the row of a plan, and whether this process did not make it itself.

    Of several processes with one home and the same plan, one makes the run.

    Args:
        plan: what to run.
        supervisor: makes the run.
        force: start afresh although the same run is stored.
        waiting: told what goes on where another process makes the same run, which is then waited for, and its row
            returned however it ended; None raises instead. Whoever starts afresh by force does not wait.

    Raises:
        RunningElsewhereError: the same run is going on in another process.
    """
    while True:
        try:
            return _once(plan, supervisor, force=force)
        except RunningElsewhereError as error:
            if waiting is None or force or error.lock is None:
                raise
            waiting(str(error))
            error.wait()
        row = next(iter(supervisor.leaderboard.find(plan.identity)), None)
        # One that ended before it had planned anything, or whose run outlives it, leaves this process to look again.
        if row is not None and supervisor.reconcile(row).status not in UNFINISHED:
            return _done(plan, supervisor) or supervisor.leaderboard.run(row.id), True


def claim_of(plan: RunPlan, supervisor: Supervisor) -> Path:
    """Return the lock of the process that makes a run."""
    return claim_path(supervisor.home, supervisor.leaderboard, plan.identity)


def _once(plan: RunPlan, supervisor: Supervisor, *, force: bool) -> tuple[RunRow, bool]:
    done = None if force else _done(plan, supervisor)
    if done is not None:
        return done, True
    with claim(supervisor.home, supervisor.leaderboard, plan.identity):
        return _execute(plan, supervisor, force=force)


def _done(plan: RunPlan, supervisor: Supervisor) -> RunRow | None:
    return next((row for row in supervisor.leaderboard.find(plan.identity) if row.status == "ok"), None)


def _execute(plan: RunPlan, supervisor: Supervisor, *, force: bool) -> tuple[RunRow, bool]:
    for stored in [] if force else supervisor.leaderboard.find(plan.identity):
        if stored.status == "ok":
            return stored, True
        if not is_made_here(stored):
            continue  # its folder is another leaderboard's
        row = supervisor.reconcile(stored)
        folder = find_folder_or_none(row, supervisor.home)
        if row.status in UNFINISHED:
            where = "still going" if folder else f"{row.status} in another home, or its folder was deleted here"
            raise RunningElsewhereError(
                f"run {row.id} is the same run and {where}; wait for it, stop it with Ctrl-C there, or delete it with "
                f"petbench runs delete {row.id}",
                folder.lock if folder else None,
            )
        if row.status in RESUMABLE and folder is not None:
            # The same run, whose images and files may lie elsewhere by now.
            moved = {name: getattr(plan, name) for name in ("dataset_folder", "parameter_files")}
            dataclasses.replace(folder.plan(), **moved).save(folder.plan_file)
            return supervisor.start(row), False
    return supervisor.begin(plan, plan.record(), alone=not force), False


def resume(run_id: int, supervisor: Supervisor) -> RunRow:
    """Resume a run that was stopped, from its newest whole checkpoint.

    Raises:
        UsageError: the run was not stopped, or its folder is elsewhere.
        RunningElsewhereError: the same run is going on in another process.
        PetbenchError: what the run is made of has changed since.
    """
    row = supervisor.leaderboard.run(run_id)
    plan = find_folder(row, supervisor.home).plan()
    with claim(supervisor.home, supervisor.leaderboard, plan.identity):
        row = supervisor.reconcile(supervisor.leaderboard.run(run_id))
        if row.status not in RESUMABLE or not is_made_here(row):
            where = "" if is_made_here(row) else ", made elsewhere"
            raise UsageError(
                f"run {run_id} is {row.status}{where}; only an interrupted run of this leaderboard can resume"
            )
        check_same_code(plan, supervisor.registry)
        return supervisor.start(row)
