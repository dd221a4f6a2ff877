"""The run's side of the method's process: starts it, hands over what it may have, takes back and times what it does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import ValidationError

from petbench.errors import PluginError
from petbench.methods.scan_files import write_scan
from petbench.processes.channel import Channel, ChannelError
from petbench.processes.ending import ending_of_death, out_of_memory_kills
from petbench.processes.output import Output
from petbench.processes.tree import kill_tree
from petbench.runs.method_process import messages
from petbench.runs.predict_fold import Predicted
from petbench.terminal import say
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel

    from petbench.contract import Volume
    from petbench.methods.scan_files import ScanFiles
    from petbench.processes.sandbox import Sandbox
    from petbench.runs.method_process.job_folder import JobFolder
    from petbench.scan import Scan
    from petbench.training.volumes import StoredData
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.run_changes import RunChanges

_LOOK_SECONDS = 0.2
_BETWEEN_LOOKS_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0
"""For the process to end by itself when all is done: threads and exit hooks of a method keep nobody waiting longer."""


Said = TypeVar("Said", bound=messages.Answer)


class MethodFailedError(Exception):
    """The method's process failed or died; `ending` is what that makes of the run."""

    def __init__(self, ending: RunChanges, trace: str = "") -> None:
        super().__init__(str(ending.get("error_message") or ending["status"]))
        self.ending = ending
        self.trace = trace


class MethodProcess:
    """The process of one method; a context manager that leaves nothing of it running.

    Args:
        task: what it is told first.
        job: its folder.
        sandbox: what it is started in.
        stopping: whether the user has asked to stop.

    Attributes:
        progress: shows how far the training is.
        peak_device_memory_bytes: the most that torch has allocated there on the device; None where it has none.
    """

    def __init__(self, task: messages.Task, job: JobFolder, sandbox: Sandbox, stopping: Callable[[], bool]) -> None:
        self._task = task
        self._job = job
        self._sandbox = sandbox
        self._stopping = stopping
        self._stop_sent = False
        self._next_look = 0.0
        self.progress: Progress = silent
        self.peak_device_memory_bytes: int | None = None

    def __enter__(self) -> MethodProcess:
        """Start the process; it waits for nothing but itself until the first order."""
        self._kills_before = out_of_memory_kills()
        self._channel, theirs = Channel.pair()
        read, write = os.pipe()
        self._process = self._sandbox.start(
            ["-m", "petbench.runs.method_process.child", str(theirs.fileno()), self._sandbox.parent],
            folder=self._job.path,
            descriptors=(theirs.fileno(),),
            output=write,
        )
        theirs.close()
        os.close(write)
        self._output = Output(read, say)
        self._send(self._task)
        return self

    def __exit__(self, *_: object) -> None:
        """End it with all that it has started."""
        if self._process.poll() is None:
            kill_tree(self._process.pid)
        self._process.wait()
        self._channel.close()
        self._output.finish(_PATIENCE_SECONDS)

    def ready(self) -> messages.Ready:
        """Return what it says of the device, before any code of the method's author runs."""
        return self._expect(messages.Ready)

    def built(self) -> messages.Built:
        """Return what it says of the method it has built."""
        return self._expect(messages.Built)

    def fit(self, training: StoredData, validation: StoredData) -> messages.Trained:
        """Have it train, and return what it says of that.

        Args:
            training: what the method is entitled to.
            validation: of the validation participants; empty where the harness's loop does not train it.
        """
        order = messages.Fit(
            scans=tuple(training.scans.scans),
            delayed=tuple(training.delayed.places),
            validation_scans=tuple(validation.scans.scans),
            validation_delayed=tuple(validation.delayed.places),
        )
        self._send(order, [file.fileno() for file in (*training.files, *validation.files)])
        return self._expect(messages.Trained)

    def failed(self) -> NoReturn:
        """Take what it says of its failure.

        Raises:
            MethodFailedError: always.
        """
        raise self._unexpected(self._receive())

    def saved(self) -> messages.Saved:
        """Return what it says of the model, which then lies in the job's folder."""
        return self._expect(messages.Saved)

    def predict(self, scans: Iterable[tuple[str, Scan]], samples: int = 0) -> Iterator[Predicted]:
        """Yield what it predicts for each participant, and the seconds that took by the clock of this process.

        The samples must be read before the next is asked for. The seconds count from when the scan lies in the job's
        folder until its prediction does. Where a method starts a program for all participants together, the start is
        part of the first one's time.

        Args:
            scans: each participant's name, which the process does not learn, and early scan.
            samples: how many of each participant's are kept.

        Raises:
            PluginError: a prediction is missing, one too many, or no volume of real numbers on the early one's grid.
        """
        self._send(messages.Predict(samples=samples))
        handed: list[tuple[str, tuple[int, ...], ScanFiles]] = []
        wanted = iter(scans)
        taken = 0
        start, handing_over = time.perf_counter(), 0.0
        while not isinstance(answer := self._receive(), messages.Done):
            now = time.perf_counter()
            if isinstance(answer, messages.NextPlease):
                following = next(wanted, None)
                if following is not None:
                    files = write_scan(self._job.images, f"{len(handed):06d}", following[1], early="{}.npy")
                    handed.append((following[0], following[1].early.shape, files))
                self._send(messages.Early(scan=None if following is None else handed[-1][2]))
                handing_over += time.perf_counter() - now
            elif isinstance(answer, messages.Predicted):
                if taken == len(handed):
                    raise PluginError(f"{self._task.method} predicted more volumes than it was given")
                participant, shape, files = handed[taken]
                whose = f"the prediction of {self._task.method} for {participant}"
                volume = self._job.take_prediction(taken, shape, whose)
                drawn = self._samples(taken, shape, whose, samples)
                yield Predicted(participant, volume, now - start - handing_over, drawn)
                for name in (files.early, *files.images.values()):
                    (self._job.images / name).unlink(missing_ok=True)
                taken += 1
                start, handing_over = time.perf_counter(), 0.0
            else:
                raise self._unexpected(answer)
        left = [*(name for name, *_ in handed[taken:]), *(name for name, _ in wanted)]
        if left:
            raise PluginError(f"{self._task.method} predicted nothing for {', '.join(left)}")
        self.peak_device_memory_bytes = answer.peak_device_memory_bytes

    def _samples(self, number: int, shape: tuple[int, ...], whose: str, count: int) -> Iterator[Volume]:
        for sample in range(1, count + 1):
            yield self._job.take_prediction(number, shape, f"sample {sample} of {whose}", sample)

    def end(self) -> messages.CodeThatRan:
        """Have it end, and return what it says of the code that ran; what does not within a few seconds is killed."""
        self._send(messages.End())
        ran = self._expect(messages.CodeThatRan)
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_tree(self._process.pid)
            self._process.wait()
        return ran

    def _send(self, message: BaseModel, files: Iterable[int] = ()) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, and the next message, or none, says how
            self._channel.send(message.model_dump(mode="json"), list(files))

    def _expect(self, kind: type[Said]) -> Said:
        answer = self._receive()
        if not isinstance(answer, kind):
            raise self._unexpected(answer)
        return answer

    def _unexpected(self, answer: object) -> PluginError:
        return PluginError(f"the process of {self._task.method} said {type(answer).__name__} out of turn")

    def _receive(self) -> Any:
        """Wait for the next message that is not progress; pass on that the user asks to stop.

        Raises:
            MethodFailedError: the process failed, died, or was ended for what it took.
            PluginError: it said what makes no sense.
        """
        while True:
            self._wait_for_message()
            try:
                received = self._channel.receive()
                answer = None if received is None else messages.ANSWERS.validate_python(received[0])
            except (ChannelError, ValidationError):
                raise PluginError(f"the process of {self._task.method} said what makes no sense") from None
            if answer is None:
                raise MethodFailedError(self._death())
            if isinstance(answer, messages.Failed):
                raise MethodFailedError(_ending(answer), answer.trace)
            if not isinstance(answer, messages.Progress):
                return answer
            self.progress(answer.description, answer.done, answer.total)

    def _wait_for_message(self) -> None:
        """Wait, and meanwhile look at what the process uses and whether the user asks to stop."""
        while True:
            there = self._channel.has_message(_LOOK_SECONDS)
            if self._stopping() and not self._stop_sent:
                self._stop_sent = True
                self._send(messages.Stop())
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + _BETWEEN_LOOKS_SECONDS
                excess = self._sandbox.excess(self._process.pid, self._job.path)
                if excess is not None:
                    raise MethodFailedError(excess)
            if there:
                return

    def _death(self) -> RunChanges:
        """Return what it makes of the run that the process has closed the connection."""
        try:
            code = self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed what it was not to touch
            kill_tree(self._process.pid)
            return ending_of_death(1, out_of_memory=False)
        return ending_of_death(code, out_of_memory=out_of_memory_kills() > self._kills_before)


def _ending(failed: messages.Failed) -> RunChanges:
    return {
        "status": failed.status
        if failed.status in ("failed", "out-of-memory", "diverged", "interrupted")
        else "failed",
        "error_class": failed.error_class,
        "error_message": failed.message,
        "fault": failed.fault if failed.fault in ("method", "machine") else "method",
    }
