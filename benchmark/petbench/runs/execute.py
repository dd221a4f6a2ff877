"""Run a plan once: show what is stored, resume what was interrupted, or start afresh.

A row of another origin is never shown, resumed or waited for in the place of the one that is asked for: what somebody
sent does not stand for a run of one's own, whatever its identity.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.methods.devices import require_device
from petbench.plans.run_plan import is_all_of
from petbench.plans.same_code import check_same_code
from petbench.plans.tasks import require_unchanged, stored_runs
from petbench.runs.claims import RunningElsewhereError, claim, claim_path
from petbench.runs.folder import plan_run
from petbench.runs.job_note import active_note
from petbench.runs.lookup import find_folder, find_folder_or_none, is_made_here
from petbench.runs.same_training import find_same_training
from petbench.runs.standing import UNFINISHED
from petbench_leaderboard.records import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench.runs.supervisor import Supervisor
    from petbench_leaderboard.records import RunRow, Verification

#: Statuses from which the same command resumes in the same folder.
RESUMABLE = ("planned", "interrupted")
#: Statuses from which it does so where the training has ended: what came after it is done again, and no more.
RESUMABLE_WHEN_TRAINED = ("failed", "out-of-memory", "timed-out")


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose a row is that is made here.

    Attributes:
        verification: `own`, or `reproduced` of what somebody sent.
        submitter: who that was; empty for one's own.
    """

    verification: Verification = "own"
    submitter: str = ""


OWN = Origin()


def execute(
    plan: RunPlan,
    supervisor: Supervisor,
    *,
    force: bool = False,
    waiting: Callable[[str], object] | None = None,
    origin: Origin = OWN,
) -> tuple[RunRow, bool]:
    """Return the row of a plan, and whether this process did not make it itself.

    Of several processes with one home and the same plan, one makes the run. One that was made without its test
    participants goes on, with the model that it has trained, when they or samples of theirs are asked for. One whose
    training a run with other views has had takes over that model.

    Args:
        plan: what to run.
        supervisor: makes the run.
        force: start afresh although the same run is stored.
        waiting: told what goes on where another process makes the same run, which is then waited for, and its row
            returned however it ended; None raises instead. Whoever starts afresh by force does not wait.
        origin: of the row.

    Raises:
        RunningElsewhereError: the same run is going on in another process.
        ChangedError: the same run is stored, and the task has changed under its version since: by `force` it is made
            for what the task says now, and found again by this command.
    """
    while True:
        try:
            return _once(plan, supervisor, origin, force=force)
        except RunningElsewhereError as error:
            if waiting is None or force or error.lock is None:
                raise
            waiting(str(error))
            error.wait()
        row = next(iter(_same(plan, supervisor, origin)), None)
        # One that ended before it had planned anything, or whose run outlives it, leaves this process to look again.
        if row is not None and (ended := supervisor.reconcile(row)).status not in UNFINISHED:
            done = _done(plan, supervisor, origin)
            if done is not None or ended.status != "ok":
                return done or ended, True


def claim_of(plan: RunPlan, supervisor: Supervisor) -> Path:
    """Return the lock of the process that makes a run."""
    return claim_path(supervisor.home, supervisor.leaderboard, plan.identity)


def _once(plan: RunPlan, supervisor: Supervisor, origin: Origin, *, force: bool) -> tuple[RunRow, bool]:
    done = None if force else _done(plan, supervisor, origin)
    if done is not None:
        return done, True
    with claim(supervisor.home, supervisor.leaderboard, plan.identity):
        return _execute(plan, supervisor, origin, force=force)


def _same(plan: RunPlan, supervisor: Supervisor, origin: Origin, *, force: bool = False) -> list[RunRow]:
    return stored_runs(plan, supervisor.leaderboard, origin.verification, force=force)


def _done(plan: RunPlan, supervisor: Supervisor, origin: Origin) -> RunRow | None:
    return next((row for row in _same(plan, supervisor, origin) if _is_done(plan, row)), None)


def _is_done(plan: RunPlan, row: RunRow) -> bool:
    return row.status == "ok" and is_all_of(plan, row)


def _execute(plan: RunPlan, supervisor: Supervisor, origin: Origin, *, force: bool) -> tuple[RunRow, bool]:
    row, known = prepare(plan, supervisor, origin, force=force)
    return (row, known) if known or row.status == "skipped" else (supervisor.start(row), False)


def prepare(
    plan: RunPlan, supervisor: Supervisor, origin: Origin = OWN, *, force: bool = False, here: bool = True
) -> tuple[RunRow, bool]:
    """Return the row of a run that is ready to be started, and False; or of one that is done, and True.

    One that is `skipped` is started by nobody: the dataset has not got what its method needs.

    The caller has the claim of the run.

    Args:
        plan: what to run.
        supervisor: what makes runs.
        origin: of the row.
        force: make a run anew although the same is stored.
        here: whether it is to run on this machine.

    Raises:
        RunningElsewhereError: the same run is going on, or an engine has it.
    """
    if plan.declined:
        return _decline(plan, supervisor, origin, force=force)
    for stored in [] if force else _same(plan, supervisor, origin):
        if _is_done(plan, stored):
            return stored, True
        if not is_made_here(stored):
            continue  # its folder is another leaderboard's
        row = supervisor.reconcile(stored)
        folder = find_folder_or_none(row, supervisor.home)
        if row.status in UNFINISHED:
            raise _going_on(row, folder)
        if folder is not None and can_go_on(row, folder) and not _would_hide_a_failure(plan, row):
            going_on = going_on_as(plan, folder)
            if here:
                _require_device(going_on, folder)
            going_on.save(folder.plan_file)
            supervisor.leaderboard.update(row.id, purpose=plan.purpose, keep_samples=plan.keep_samples)
            return supervisor.leaderboard.run(row.id), False
    # What is reproduced is trained again, whatever of one's own is here.
    trained = None if force or origin != OWN else find_same_training(plan, supervisor.home, supervisor.leaderboard)
    plan = plan if trained is None else trained.plan(plan)
    if here:
        require_device(plan.device, plan.processes if trained is None else 1)
    record = dataclasses.replace(plan.record(here=here), verification=origin.verification, submitter=origin.submitter)
    return supervisor.plan(plan, record, alone=not force, trained=trained), False


def going_on_as(plan: RunPlan, folder: RunFolder) -> RunPlan:
    """Return the plan with which a run goes on that is asked for again.

    Its images and files may lie elsewhere by now; its code is what was just planned. How it trains was decided when its
    training began.

    Raises:
        UsageError: another number of processes is to share the training than began it.
    """
    before = folder.plan()
    moved: tuple[str, ...] = ("dataset_folder", "parameter_files", "purpose", "keep_samples")
    if not folder.has_begun and not folder.is_trained:
        moved += ("processes", "device")  # which together decide whether it can begin at all
    elif plan.processes != before.processes and not folder.is_trained:
        raise UsageError(
            f"the same run was begun with --processes {before.processes}, and its training would go on otherwise with "
            f"{plan.processes}: ask for {before.processes} again, or start afresh with --force"
        )
    return dataclasses.replace(before, **{name: getattr(plan, name) for name in moved})


def _require_device(plan: RunPlan, folder: RunFolder) -> None:
    """Refuse to go on where the device is not; who only predicts needs one card.

    Raises:
        UsageError: it is not here.
    """
    require_device(plan.device, 1 if folder.is_trained else plan.processes)


def _decline(plan: RunPlan, supervisor: Supervisor, origin: Origin, *, force: bool) -> tuple[RunRow, bool]:
    """Return the row of a run that is not made, for what the method needs and the dataset has not got."""
    same = _same(plan, supervisor, origin, force=force)
    stored = next((row for row in same if row.status == "skipped"), None)
    if stored is None:
        record = dataclasses.replace(plan.record(), verification=origin.verification, submitter=origin.submitter)
        number, _ = plan_run(plan, record, supervisor.home, supervisor.leaderboard)
    else:
        number = stored.id
    supervisor.leaderboard.update(number, status="skipped", error_message=plan.declined[:1000])
    return supervisor.leaderboard.run(number), stored is not None


def _going_on(row: RunRow, folder: RunFolder | None) -> RunningElsewhereError:
    note = active_note(folder) if folder else None
    if note is not None:
        return RunningElsewhereError(
            f"run {row.id} is the same run and with {note.name}, job {note.job or 'not submitted yet'}; petbench runs "
            f"collect brings it in, and its command with --on {note.name} watches it"
        )
    where = "still going" if folder else f"{row.status} in another home, or its folder was deleted here"
    return RunningElsewhereError(
        f"run {row.id} is the same run and {where}; wait for it, stop it with Ctrl-C there, or delete it with "
        f"petbench runs delete {row.id}",
        folder.lock if folder else None,
    )


def can_go_on(row: RunRow, folder: RunFolder) -> bool:
    """Return whether a run of this leaderboard that has ended, but not well or not with all, goes on in its folder."""
    return row.status in RESUMABLE or (folder.is_trained and row.status in (*RESUMABLE_WHEN_TRAINED, "ok"))


def _would_hide_a_failure(plan: RunPlan, row: RunRow) -> bool:
    """Return whether a run failed that was to be tested: without its test it would pass for one that ended well."""
    return row.status in FAILURES and row.purpose == "test" and not plan.tests


def resume(run_id: int, supervisor: Supervisor) -> RunRow:
    """Resume a run that was stopped, from its newest whole checkpoint.

    Raises:
        UsageError: the run was not stopped, or its folder is elsewhere.
        RunningElsewhereError: the same run is going on in another process.
        PetbenchError: what the run is made of has changed since.
    """
    row = supervisor.leaderboard.run(run_id)
    folder = find_folder(row, supervisor.home)
    plan = folder.plan()
    with claim(supervisor.home, supervisor.leaderboard, plan.identity):
        row = supervisor.reconcile(supervisor.leaderboard.run(run_id))
        if active_note(folder) is not None and row.status in UNFINISHED:
            raise _going_on(row, folder)
        if not is_made_here(row) or row.status == "ok" or not can_go_on(row, folder):
            where = "" if is_made_here(row) else ", made elsewhere"
            raise UsageError(
                f"run {run_id} is {row.status}{where}; only a run of this leaderboard can resume that was interrupted, "
                "or that did not end well after its training"
            )
        check_same_code(plan, supervisor.registry)
        require_unchanged(plan, supervisor.registry)
        _require_device(plan, folder)
        return supervisor.start(row)
