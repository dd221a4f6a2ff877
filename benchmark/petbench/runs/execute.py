"""Carry out a plan once: show what is stored, go on with what was interrupted, or start afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, UsageError
from petbench.runs import supervisor

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

#: Statuses from which the same command goes on in the same folder.
RESUMABLE = ("planned", "interrupted")


def execute(
    plan: RunPlan, home: Home, leaderboard: Leaderboard, *, force: bool, conduct: supervisor.Conduct | None = None
) -> tuple[RunRow, bool]:
    """Return the row of a plan, and whether it was on the leaderboard already.

    Args:
        plan: what to run.
        home: where its folder is made.
        leaderboard: where its row is kept.
        force: start afresh although the same run is stored.
        conduct: how to carry it out; the time limit counts from the start of this part of the run.

    Raises:
        PetbenchError: the same run is going on in another process.
    """
    for row in [] if force else leaderboard.find(plan.identity):
        folder = supervisor.folder_of(home, row.id, plan)
        settled = supervisor.settle(row, folder, leaderboard)
        if settled.status == "ok":
            return settled, True
        if settled.status in supervisor.UNFINISHED:
            raise PetbenchError(
                f"run {row.id} is the same run and still going; wait for it, or stop it with Ctrl-C there"
            )
        if settled.status in RESUMABLE:
            return supervisor.start(row.id, folder, home, leaderboard, conduct), False
    return supervisor.begin(plan, plan.record(), home, leaderboard, conduct), False


def resume(run_id: int, home: Home, leaderboard: Leaderboard) -> RunRow:
    """Go on with a run that was stopped, from its newest whole checkpoint.

    Raises:
        UsageError: the run was not stopped, or its folder is elsewhere.
    """
    from petbench.runs.predict_scan import run_folder

    folder = run_folder(home, run_id)
    row = supervisor.settle(leaderboard.run(run_id), folder, leaderboard)
    if row.status not in RESUMABLE:
        raise UsageError(f"run {run_id} is {row.status}; only an interrupted run can go on")
    return supervisor.start(run_id, folder, home, leaderboard)
