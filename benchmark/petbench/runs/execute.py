"""Carry out a plan once: show what is stored, go on with what was interrupted, or start afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, UsageError
from petbench.methods.source import check_source
from petbench.registry import load_plugins
from petbench.runs import supervisor
from petbench.runs.folder import find_folder, folder_of, is_made_here

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
        if row.status != "ok" and not is_made_here(row):
            continue  # its folder is another leaderboard's
        folder = folder_of(row, home)
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
        PetbenchError: the method's code has changed since.
    """
    row = leaderboard.run(run_id)
    folder = find_folder(row, home)
    row = supervisor.settle(row, folder, leaderboard)
    if row.status not in RESUMABLE or not is_made_here(row):
        where = "" if is_made_here(row) else " and was made elsewhere"
        raise UsageError(f"run {run_id} is {row.status}{where}; only an interrupted run of this leaderboard can resume")
    plan = folder.plan()
    check_source(plan, load_plugins().method(plan.method)[1])
    return supervisor.start(run_id, folder, home, leaderboard)
