"""The run's side of scoring: starts a fresh process for it, and takes the scores."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from petbench.processes.channel import Channel
from petbench.processes.ending import ending_of_death, out_of_memory_kills
from petbench.processes.output import Output
from petbench.processes.tree import kill_tree
from petbench.runs.scoring.messages import MetricPlugin, ScoringOrder, ScoringTask, records_from_json
from petbench.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench.settings import Settings
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.score_records import ScoreRecord

_PATIENCE_SECONDS = 5.0


class ScoringFailedError(Exception):
    """The process that scores failed or died; `ending` is what that makes of the run."""

    def __init__(self, ending: RunChanges, trace: str = "") -> None:
        super().__init__(str(ending.get("error_message") or ending["status"]))
        self.ending = ending
        self.trace = trace


class ScoringProcess:
    """A process that scores the predictions of one run by some plugins' metrics; a context manager.

    Args:
        task: what it is told first.
        progress: shows how far it is.
    """

    def __init__(self, task: ScoringTask, progress: Progress) -> None:
        self._task = task
        self.progress = progress

    def __enter__(self) -> ScoringProcess:
        """Start the process, which opens the dataset meanwhile."""
        self._kills_before = out_of_memory_kills()
        self._channel, theirs = Channel.pair()
        read, write = os.pipe()
        # In the interpreter of the run's own process, and never in one that a method brings.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "petbench.runs.scoring.child", str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        os.close(write)
        self._output = Output(read, say)
        self._send(self._task.model_dump(mode="json"))
        return self

    def __exit__(self, *_: object) -> None:
        """Have it end, or end it."""
        self._channel.close()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(self._process.pid)
            self._process.wait()
        self._output.finish(_PATIENCE_SECONDS)

    def score(self, predictions: Path, digests: Mapping[str, str] | None) -> list[ScoreRecord]:
        """Return every score of the test participants.

        Args:
            predictions: the folder of their predictions.
            digests: of each as it was written; None where nobody took them.

        Raises:
            ScoringFailedError: in one line.
        """
        return records_from_json(self._ask("test", predictions, digests)["records"])

    def score_validation(
        self, predictions: Path, digests: Mapping[str, str] | None
    ) -> tuple[list[ScoreRecord], list[dict[str, float]]]:
        """Return every score of the validation participants, and the errors of each as the training's log has them.

        Raises:
            ScoringFailedError: in one line.
        """
        found = self._ask("validation", predictions, digests)
        return records_from_json(found["records"]), found["errors"]

    def _ask(self, kind: Any, predictions: Path, digests: Mapping[str, str] | None) -> dict[str, Any]:
        order = ScoringOrder(kind=kind, folder=predictions, digests=None if digests is None else dict(digests))
        self._send(order.model_dump(mode="json"))
        while (received := self._channel.receive()) is not None:
            message: dict[str, Any] = received[0]
            if "failed" in message:
                raise ScoringFailedError(message["failed"], message["trace"])
            if "done" in message:
                done: dict[str, Any] = message["done"]
                return done
            self.progress(*message["progress"])
        code = self._process.wait()
        ending = ending_of_death(code, out_of_memory=out_of_memory_kills() > self._kills_before)
        raise ScoringFailedError({**ending, "fault": "petbench" if ending["status"] == "failed" else "machine"})

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, and the next message, or none, says how
            self._channel.send(message)


def scoring_tasks(
    settings: Settings, plan: RunPlan, plugins: Iterable[MetricPlugin], device: str
) -> tuple[ScoringTask, ...]:
    """Return what scores by metrics that come with no method, then what by those of plugins that bring methods, too.

    A process that imports a method's plugin computes that plugin's metrics alone; none does where there is no such one.
    """
    plugins = tuple(plugins)

    def task(*, own_alone: bool) -> ScoringTask:
        chosen = tuple(plugin for plugin in plugins if plugin.brings_methods == own_alone)
        return ScoringTask(settings=settings, plan=plan.to_dict(), plugins=chosen, own_alone=own_alone, device=device)

    kinds = (False, True) if any(each.brings_methods for each in plugins) else (False,)
    return tuple(task(own_alone=kind) for kind in kinds)


def with_further(records: list[ScoreRecord], found: Iterable[ScoreRecord]) -> list[ScoreRecord]:
    """Return scores, with those of another process by metrics that the first has none of: its own metrics alone."""
    taken = {record.metric for record in records}
    return [*records, *(record for record in found if record.metric not in taken)]
