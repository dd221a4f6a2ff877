"""Start a run in a fresh process, wait for it, and keep the row true if the process dies."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.home import Home
from petbench.processes import lock
from petbench.processes.tree import kill_tree
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.events import notify_observers
from petbench.runs.folder import plan_run
from petbench.runs.job import Job
from petbench.runs.lookup import find_folder, find_folder_or_none
from petbench.runs.options import RunOptions
from petbench.settings import Settings
from petbench_leaderboard.errors import UnderWayError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRecord, RunRow, Status
    from petbench_leaderboard.store import Leaderboard

#: Statuses that a run can still leave.
UNFINISHED = ("planned", "running")


class Supervisor:
    """Makes runs, each in a process of its own, one at a time.

    Args:
        settings: handed to each run's process.
        leaderboard: where the rows are kept; the one that the settings name.
        registry: whose observers are notified.
        options: of the runs' processes; the time limit counts from the start of a run or of its resumed part.

    Attributes:
        home: where the folders are made.
        stop_requested: whether somebody asked this process to end while a run was going on.
    """

    def __init__(
        self, settings: Settings, leaderboard: Leaderboard, registry: Registry, options: RunOptions | None = None
    ) -> None:
        self.settings = settings
        self.leaderboard = leaderboard
        self.registry = registry
        self.options = options or RunOptions()
        self.home = Home(settings.home)
        self.stop_requested = False

    def begin(self, plan: RunPlan, record: RunRecord, *, alone: bool = False) -> RunRow:
        """Make the row and the folder of a run that is not there yet, and run it as `start` does.

        Args:
            plan: what to run.
            record: the plan's, or a copy with another verification.
            alone: whether the same run may not be under way, in whichever home or on whichever machine.

        Raises:
            RunningElsewhereError: it is, and alone was asked for.
        """
        try:
            run_id, _ = plan_run(plan, record, self.home, self.leaderboard, alone=alone)
        except UnderWayError as error:
            raise RunningElsewhereError(f"{error}; wait for it, or stop it with Ctrl-C there") from None
        return self.start(self.leaderboard.run(run_id))

    def start(self, row: RunRow) -> RunRow:
        """Run a planned or interrupted run in a process of its own and return its row when it has ended.

        Whatever kills the process leaves a row that says so.

        Raises:
            UsageError: the run's folder is not here.
            RunningElsewhereError: another process is at work on the run; its row is left alone.
        """
        folder = find_folder(row, self.home)
        notify_observers("started", row.id, self.leaderboard, self.registry)
        kills_before = _out_of_memory_kills()
        process = self._worker(row, folder)
        with self._passing_on_signals(process):
            try:
                code = process.wait(timeout=self.options.time_limit_seconds)
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                code = process.wait()
                self._record_time_out(row.id)
        if code == lock.HELD_EXIT_CODE:
            raise RunningElsewhereError(f"another process is at work on run {row.id}; wait for it", folder.lock)
        if self.leaderboard.run(row.id).status in UNFINISHED:
            self._record_death(row.id, code, out_of_memory=_out_of_memory_kills() > kills_before)
        notify_observers("ended", row.id, self.leaderboard, self.registry)
        return self.leaderboard.run(row.id)

    def reconcile(self, row: RunRow) -> RunRow:
        """Return the row, corrected to `interrupted` where it is said to run but no process holds its folder.

        Of a run whose folder is not here nobody can say that: it may run on another machine.
        """
        folder = find_folder_or_none(row, self.home) if row.status in UNFINISHED else None
        if folder is None or lock.is_held(folder.lock):
            return row
        message = "its process ended without a message; repeat the command to resume from its checkpoint"
        self.leaderboard.update(row.id, status="interrupted", error_message=message)
        return self.leaderboard.run(row.id)

    def _worker(self, row: RunRow, folder: RunFolder) -> subprocess.Popen[bytes]:
        job = Job(run_id=row.id, folder=folder.path, settings=self.settings)
        given = {name: text for name, text in self.options.environment.items() if name not in Settings.variables()}
        # A process group of its own: Ctrl-C on the terminal reaches this process alone, which passes it on once.
        process = subprocess.Popen(
            self.options.command("-m", "petbench.runs.worker"), env=given, stdin=subprocess.PIPE, process_group=0
        )
        assert process.stdin is not None, "it is a pipe"
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it may have died already
            pipe.write(job.model_dump_json().encode())
        return process

    @contextlib.contextmanager
    def _passing_on_signals(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Pass every request to end on to the worker, which obeys the first in order and the second at once."""

        def pass_on(*_: object) -> None:
            self.stop_requested = True
            process.send_signal(signal.SIGINT)

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _record_death(self, run_id: int, code: int, *, out_of_memory: bool) -> None:
        """Record how a worker died that could not do so itself."""
        status: Status
        if out_of_memory:
            status, message = (
                "out-of-memory",
                "the system ran out of memory and killed the process; use a smaller batch",
            )
        elif code in (-signal.SIGINT, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL):
            status, message = "interrupted", f"killed by signal {abs(code) % 128}; repeat the command to resume"
        else:
            status, message = "failed", f"the process ended with code {code}; its log says more"
        self.leaderboard.update(run_id, status=status, error_class="ProcessDied", error_message=message)

    def _record_time_out(self, run_id: int) -> None:
        """Record that a worker was stopped for its time, unless it had just ended by itself."""
        if self.leaderboard.run(run_id).status in UNFINISHED:
            self.leaderboard.update(
                run_id,
                status="timed-out",
                ended_at=datetime.now(UTC),
                error_class="TimeLimit",
                error_message=f"stopped at its time limit of {self.options.time_limit_seconds:g} s with every process "
                "it had started; spend less, or give a longer --time-limit",
            )


def _out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for memory since boot, where it says."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
