"""Run a plan once: show what is stored, resume what was interrupted, or start afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, UsageError
from petbench.plans.planner import check_source
from petbench.runs.folder import find_folder, is_made_here
from petbench.runs.supervisor import UNFINISHED

if TYPE_CHECKING:
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow

#: Statuses from which the same command resumes in the same folder.
RESUMABLE = ("planned", "interrupted")


def execute(plan: RunPlan, supervisor: Supervisor, *, force: bool = False) -> tuple[RunRow, bool]:
    """Return the row of a plan, and whether it was on the leaderboard already.

    Args:
        plan: what to run.
        supervisor: makes the run.
        force: start afresh although the same run is stored.

    Raises:
        PetbenchError: the same run is going on in another process.
    """
    for stored in [] if force else supervisor.leaderboard.find(plan.identity):
        if stored.status == "ok":
            return stored, True
        if not is_made_here(stored):
            continue  # its folder is another leaderboard's
        row = supervisor.reconcile(stored)
        if row.status in UNFINISHED:
            raise PetbenchError(
                f"run {row.id} is the same run and still going; wait for it, or stop it with Ctrl-C there"
            )
        if row.status in RESUMABLE:
            return supervisor.start(row), False
    return supervisor.begin(plan, plan.record()), False


def resume(run_id: int, supervisor: Supervisor) -> RunRow:
    """Resume a run that was stopped, from its newest whole checkpoint.

    Raises:
        UsageError: the run was not stopped, or its folder is elsewhere.
        PetbenchError: the method's code has changed since.
    """
    row = supervisor.leaderboard.run(run_id)
    plan = find_folder(row, supervisor.home).plan()
    row = supervisor.reconcile(row)
    if row.status not in RESUMABLE or not is_made_here(row):
        where = "" if is_made_here(row) else ", made elsewhere"
        raise UsageError(f"run {run_id} is {row.status}{where}; only an interrupted run of this leaderboard can resume")
    check_source(plan, supervisor.registry.method(plan.method)[1])
    return supervisor.start(row)
