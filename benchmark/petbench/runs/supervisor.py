"""Start a run in a fresh process, wait for it, and keep the row true if the process dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.processes import lock
from petbench.processes.tree import kill_tree
from petbench.runs.events import tell_observers
from petbench.runs.folder import plan_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRecord, RunRow, Status
    from petbench_leaderboard.store import Leaderboard

#: Statuses that a run can still leave.
UNFINISHED = ("planned", "running")


@dataclass(slots=True)
class Conduct:
    """How runs are carried out: what changes no result and is part of no identity.

    Attributes:
        time_limit: seconds after which a run is stopped with every process it has started; None for no limit.
        python: the interpreter that carries runs out.
        environment: the environment variables of its process; None for those of this one.
        stop_requested: whether somebody asked this process to end while a run was going on.
    """

    time_limit: float | None = None
    python: str = sys.executable
    environment: Mapping[str, str] | None = None
    stop_requested: bool = False


def begin(
    plan: RunPlan, record: RunRecord, home: Home, leaderboard: Leaderboard, conduct: Conduct | None = None
) -> RunRow:
    """Make the row and the folder of a run that is not there yet, and carry it out as `start` does.

    Args:
        plan: what to run.
        record: the plan's, or a copy with another verification.
        home: where the folder is made.
        leaderboard: where the row is kept.
        conduct: how to carry it out.
    """
    run_id, folder = plan_run(plan, record, home, leaderboard)
    return start(run_id, folder, home, leaderboard, conduct)


def start(
    run_id: int, folder: RunFolder, home: Home, leaderboard: Leaderboard, conduct: Conduct | None = None
) -> RunRow:
    """Carry out a planned or interrupted run in a process of its own and return its row when it has ended.

    Whatever kills the worker leaves a row that says so.
    """
    conduct = conduct or Conduct()
    tell_observers("started", run_id, leaderboard)
    kills_before = _out_of_memory_kills()
    environment = dict(conduct.environment or os.environ) | {"PETBENCH_HOME": str(home.folder)}
    command = [conduct.python, "-m", "petbench.runs.worker", str(run_id), str(folder.path)]
    # A process group of its own: Ctrl-C on the terminal reaches this process alone, which passes it on exactly once.
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, process_group=0)
    with _passing_on_signals(process, conduct):
        try:
            code = process.wait(timeout=conduct.time_limit)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            code = process.wait()
            _record_time_out(leaderboard, run_id, conduct)
    row = leaderboard.run(run_id)
    if row.status in UNFINISHED:
        _record_death(leaderboard, run_id, code, out_of_memory=_out_of_memory_kills() > kills_before)
        row = leaderboard.run(run_id)
    tell_observers("ended", run_id, leaderboard)
    return row


def settle(row: RunRow, folder: RunFolder, leaderboard: Leaderboard) -> RunRow:
    """Return the row, corrected to `interrupted` where it claims to run but no process holds its folder."""
    if row.status in UNFINISHED and not lock.is_held(folder.lock):
        leaderboard.update(
            row.id,
            status="interrupted",
            error_message="its process ended without a word; repeat the command to go on from its checkpoint",
        )
        return leaderboard.run(row.id)
    return row


@contextlib.contextmanager
def _passing_on_signals(process: subprocess.Popen[bytes], conduct: Conduct) -> Iterator[None]:
    """Pass every request to end on to the worker, which answers the first in order and the second at once."""

    def pass_on(*_: object) -> None:
        conduct.stop_requested = True
        process.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _record_death(leaderboard: Leaderboard, run_id: int, code: int, *, out_of_memory: bool) -> None:
    """Write down how a worker died that could not do so itself."""
    status: Status
    if out_of_memory:
        status, message = "out-of-memory", "the system ran out of memory and killed the process; use a smaller batch"
    elif code in (-signal.SIGINT, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL):
        status, message = "interrupted", f"killed by signal {abs(code) % 128}; repeat the command to go on"
    else:
        status, message = "failed", f"the process ended with code {code}; its log says more"
    leaderboard.update(run_id, status=status, error_class="ProcessDied", error_message=message)


def _record_time_out(leaderboard: Leaderboard, run_id: int, conduct: Conduct) -> None:
    """Write down that a worker was stopped for its time, unless it had just ended by itself."""
    if leaderboard.run(run_id).status in UNFINISHED:
        leaderboard.update(
            run_id,
            status="timed-out",
            ended_at=datetime.now(UTC),
            error_class="TimeLimit",
            error_message=f"stopped at its time limit of {conduct.time_limit:g} s with every process it had started; "
            "spend less, or give a longer --time-limit",
        )


def _out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for memory since boot, where it says."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
