"""Have a run observed: choose the observers, start the process beside the run, and wait for it as long as agreed."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
from typing import TYPE_CHECKING, Self

from petbench.errors import PluginError, UnknownNameError, UsageError, plain_line
from petbench.processes.tree import kill_tree
from petbench.run_events import RunStarted
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.observing.facts import ended, facts_of
from petbench.runs.observing.messages import Chosen, Observed, pack
from petbench.runs.options import RunOptions
from petbench.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_GRACE_SECONDS = 15.0
"""For the process beside a run to end its observers, over what these were given."""


def choose_observers(names: Sequence[str], registry: Registry, home: Home) -> tuple[Chosen, ...]:
    """Return the observers that are asked for, and those that hear of every run.

    Raises:
        UnknownNameError: no plugin brings one of that name.
        UsageError: what it needs is not installed.
        PluginError: a plugin of that name is installed and broken.
    """
    known = registry.observers()
    for name in names:
        if name not in known:
            for plugin in registry.plugins:
                if plugin.name == name and plugin.error:
                    raise PluginError(f"the plugin {name!r} of {plugin.distribution} does not work: {plugin.error}")
            raise UnknownNameError("tracker", name, known)
        missing = [module for module in known[name][0].imports if importlib.util.find_spec(module) is None]
        if missing:
            how = f": pip install '{known[name][0].install}'" if known[name][0].install else ""
            raise UsageError(f"the tracker {name} needs {', '.join(missing)}, which is not installed{how}")
    return tuple(
        Chosen(name=name, distribution=plugin.distribution, entry_point=plugin.name, folder=home.observers / name)
        for name, (spec, plugin) in known.items()
        if spec.always or name in names
    )


class ObservedRun:
    """A run that observers are told of, by a process beside it; after a `with` block they know how it has ended.

    Args:
        row: of the run, before it starts.
        folder: of the run.
        leaderboard: where its row is.
        observers: one at least.
        home: of the run.
        patience_seconds: how long observers may take after the run has ended.
        warn: is given a line for whatever went wrong.
    """

    def __init__(
        self,
        row: RunRow,
        folder: RunFolder,
        leaderboard: Leaderboard,
        observers: tuple[Chosen, ...],
        home: Home,
        *,
        patience_seconds: float,
        warn: Callable[[str], object],
    ) -> None:
        self._facts = facts_of(row, folder)
        self._leaderboard = leaderboard
        self._warn = warn
        resumed = row.started_at is not None
        self._task = Observed(
            observers=observers,
            started=pack(RunStarted(run=self._facts, resumed=resumed)),
            trainings=(JobFolder.of(home, folder).training, folder.training),
            example=folder.example,
            log=folder.observers_log,
            patience_seconds=patience_seconds,
            told=folder.told_file,
        )
        self._process = start_host(self._task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon() if kind else self.finish()()

    def finish(self) -> Callable[[], None]:
        """Take down how the run has ended; what is returned tells the observers, and waits until they are gone."""
        last = json.dumps(pack(ended(self._facts, self._leaderboard))) + "\n"
        return lambda: self._end(last)

    def abandon(self) -> None:
        """End the observers at once, without a word."""
        kill_tree(self._process.pid)
        self._process.communicate()

    def _end(self, last: str) -> None:
        process, seconds = self._process, self._task.patience_seconds + _GRACE_SECONDS
        try:
            said, _ = process.communicate(last.encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            said = b"the observers did not end in time, and were stopped\n"
        finally:
            if process.poll() is None:
                kill_tree(process.pid)
                process.wait()
        lines = said.decode(errors="replace").splitlines()
        if process.returncode > 0:
            lines.append(f"the process that tells observers failed (exit code {process.returncode})")
        for line in lines:
            self._warn(f"run {self._facts.run}: {plain_line(line, 1000)}; see {self._task.log}")


def start_host(task: Observed) -> subprocess.Popen[bytes]:
    """Start the process beside a run; it waits for one line more, the last event, on standard input."""
    given = {name: text for name, text in os.environ.items() if name not in Settings.variables()}
    with task.log.open("ab") as log:
        # A process group of its own: Ctrl-C on the terminal ends the run first, of which observers are then told.
        process = subprocess.Popen(
            RunOptions().command("-m", "petbench.runs.observing.host", str(os.getpid())),
            env=given,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            process_group=0,
        )
    assert process.stdin is not None, "it is a pipe"
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(task.model_dump_json().encode() + b"\n")
        process.stdin.flush()
    return process
