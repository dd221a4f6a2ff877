"""Start a run in a fresh process, wait for it, and keep the row true if the process dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.home import Home
from petbench.methods.source import home_of
from petbench.processes import lock
from petbench.processes.ending import ending_of_death, out_of_memory_kills
from petbench.processes.tree import kill_tree
from petbench.runs.claims import RunningElsewhereError
from petbench.runs.folder import plan_run
from petbench.runs.isolation import DEFAULT_SECONDS
from petbench.runs.job import Job
from petbench.runs.lookup import find_folder
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.observing.watch import ObservedRun
from petbench.runs.options import RunOptions
from petbench.runs.scoring.messages import MetricPlugin
from petbench.runs.standing import DIED, UNFINISHED, is_abandoned
from petbench.settings import Settings
from petbench.terminal import warn
from petbench_leaderboard.errors import UnderWayError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench.runs.same_training import SameTraining
    from petbench_leaderboard.records import RunRecord, RunRow
    from petbench_leaderboard.store import Leaderboard


class Supervisor:
    """Makes runs, each in a process of its own, one at a time.

    Args:
        settings: handed to each run's process.
        leaderboard: where the rows are kept; the one that the settings name.
        registry: the installed plugins.
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

    def plan(
        self, plan: RunPlan, record: RunRecord, *, alone: bool = False, trained: SameTraining | None = None
    ) -> RunRow:
        """Make the row and the folder of a run that is not there yet.

        Args:
            plan: what to run.
            record: the plan's, or a copy with another verification.
            alone: whether the same run may not be under way, in whichever home or on whichever machine.
            trained: a run whose model it takes over, with what its training cost; None to train.

        Raises:
            RunningElsewhereError: it is, and alone was asked for.
        """
        try:
            run_id, folder = plan_run(plan, record, self.home, self.leaderboard, alone=alone)
        except UnderWayError as error:
            raise RunningElsewhereError(f"{error}; wait for it, or stop it with Ctrl-C there") from None
        if trained is not None:  # its costs first: a model without them would stand for one that cost nothing
            self.leaderboard.update(run_id, **trained.costs())
            trained.copy_into(folder)
        return self.leaderboard.run(run_id)

    def start(self, row: RunRow) -> RunRow:
        """Run a planned or interrupted run in a process of its own and return its row when it has ended.

        Whatever kills the process leaves a row that says so.

        Raises:
            UsageError: the run's folder is not here.
            RunningElsewhereError: another process is at work on the run; its row is left alone.
        """
        folder = find_folder(row, self.home)
        with self.observed(row, folder) or contextlib.nullcontext():
            self._run(row, folder)
        return self.leaderboard.run(row.id)

    def observed(self, row: RunRow, folder: RunFolder) -> ObservedRun | None:
        """Begin to tell this machine's observers of a run, before it starts; None where there are none.

        Args:
            row: of the run.
            folder: of the run.
        """
        observers, seconds = self.options.observers, self.settings.observer_seconds
        if not observers:
            return None
        return ObservedRun(row, folder, self.leaderboard, observers, self.home, patience_seconds=seconds, warn=warn)

    def _run(self, row: RunRow, folder: RunFolder) -> None:
        """Run a run to its end, whatever that is, and see that its row says so.

        Raises:
            RunningElsewhereError: another process is at work on the run.
        """
        kills_before = out_of_memory_kills()
        process = self._worker(row, folder)
        with self._passing_on_signals(process):
            try:
                code = process.wait(timeout=self._time_limit_seconds)
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                code = process.wait()
                self._record_time_out(row.id)
            finally:
                self._end_what_is_left(process.pid, folder)
        if code == lock.HELD_EXIT_CODE:
            raise RunningElsewhereError(f"another process is at work on run {row.id}; wait for it", folder.lock)
        if self.leaderboard.run(row.id).status in UNFINISHED:
            self._record_death(row.id, code, out_of_memory=out_of_memory_kills() > kills_before)

    def _end_what_is_left(self, group: int, folder: RunFolder) -> None:
        """End what a worker that was killed has left running, in its process group, and keep what was learnt."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        job = JobFolder.of(self.home, folder)
        if job.path.is_dir() and not lock.is_held(folder.lock):  # else another process is at work on the run
            job.give_back(folder.training)

    def reconcile(self, row: RunRow) -> RunRow:
        """Return the row, corrected to `interrupted` where it is unfinished but no process holds its folder."""
        if not is_abandoned(row, self.home):
            return row
        self.leaderboard.update(row.id, status="interrupted", error_message=DIED)
        return self.leaderboard.run(row.id)

    def _worker(self, row: RunRow, folder: RunFolder) -> subprocess.Popen[bytes]:
        job = Job(
            run_id=row.id,
            folder=folder.path,
            settings=self.settings,
            python=self.options.python,
            environment=dict(self.options.environment),
            isolated=self.options.isolated,
            modules=self._modules(row),
            metrics=self._metrics(),
            parent=os.getpid() if self.options.ends_with_this_process else 0,
        )
        given = {name: text for name, text in os.environ.items() if name not in Settings.variables()}
        command = RunOptions().command("-m", "petbench.runs.worker")
        # A process group of its own: Ctrl-C on the terminal reaches this process alone, which passes it on once.
        process = subprocess.Popen(command, env=given, stdin=subprocess.PIPE, process_group=0)
        assert process.stdin is not None, "it is a pipe"
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # it may have died already
            pipe.write(job.model_dump_json().encode())
        return process

    @property
    def _time_limit_seconds(self) -> float | None:
        """The time limit that was asked for; a run that is shut in always has one."""
        asked = self.options.time_limit_seconds
        return DEFAULT_SECONDS if asked is None and self.options.isolated else asked

    def _modules(self, row: RunRow) -> tuple[str, ...]:
        """Return the modules of a method's plugin; of one that is installed elsewhere nobody here knows them."""
        try:
            spec, plugin = self.registry.method(row.method)
        except PetbenchError:
            return ()
        names = (plugin.module.partition(":")[0], home_of(spec.build))
        return tuple(dict.fromkeys(name.partition(".")[0] for name in names if name))

    def _metrics(self) -> tuple[MetricPlugin, ...]:
        """Return the plugins that bring metrics."""
        return tuple(
            MetricPlugin(distribution=plugin.distribution, name=plugin.name, brings_methods=bool(plugin.methods))
            for plugin in self.registry.plugins
            if not plugin.error and callable(getattr(plugin.implementation, "petbench_metrics", None))
        )

    @contextlib.contextmanager
    def _passing_on_signals(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Pass every request to end on to the worker; see `petbench.processes.stop` for what it makes of several.

        Signals come to the main thread of Python alone: a run that another thread makes goes on, whoever asks.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def pass_on(number: int, _: object) -> None:
            self.stop_requested = True
            process.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

        before = {
            number: signal.signal(number, pass_on)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it: the terminal may close
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _record_death(self, run_id: int, code: int, *, out_of_memory: bool) -> None:
        """Record how a worker died that could not do so itself; no method's code runs in it."""
        ending = ending_of_death(code, out_of_memory=out_of_memory)
        if ending["status"] == "failed":
            ending["fault"] = "petbench"
        self.leaderboard.update(run_id, **ending)

    def _record_time_out(self, run_id: int) -> None:
        """Record that a worker was stopped for its time, unless it had just ended by itself."""
        if self.leaderboard.run(run_id).status in UNFINISHED:
            self.leaderboard.update(
                run_id,
                status="timed-out",
                ended_at=datetime.now(UTC),
                error_class="TimeLimit",
                fault="method",
                error_message=f"stopped at its time limit of {self._time_limit_seconds:g} s with every process "
                "it had started; spend less, or give a longer --time-limit",
            )
