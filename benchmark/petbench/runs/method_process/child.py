"""The process that runs a method's code: it trains and predicts, and learns nothing else of the run.

Started as `python -m petbench.runs.method_process.child DESCRIPTOR PARENT` in the job's folder, with one end of a
`Channel`. It has no leaderboard, no dataset, no plan and no delayed image of a test participant.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.contract import Budget
from petbench.errors import PluginError, SharingError, one_line
from petbench.methods import models
from petbench.methods.predicted_file import check_prediction
from petbench.methods.scan_files import read_scan_files
from petbench.processes.tree import kill_descendants
from petbench.registry import load_plugins
from petbench.runs.build_planned import build_again, build_planned
from petbench.runs.method_process import messages, origin
from petbench.runs.method_process.beginning import begin, engine_of, keep_to, take_device
from petbench.runs.method_process.endings import cost, failure
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.messages import Early, End, Fit, Predict, Stop, Task
from petbench.runs.method_process.peers import PeerFailedError, Peers
from petbench.training.clock import TrainingClock
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.runnable_method import HarnessOnly
from petbench.training.volumes import StoredData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from petbench.contract import Volume
    from petbench.processes.channel import Channel
    from petbench.registry import Registry
    from petbench.scan import Scan
    from petbench.training.runnable_method import RunnableMethod


class MethodSide:
    """What the process does, one order of the run's process after the other."""

    def __init__(self, channel: Channel, task: Task) -> None:
        self._channel = channel
        self._task = task
        self._job = JobFolder(Path(task.folder))
        self._engine = engine_of(task)
        self._stop_asked = False
        self._saying = threading.Lock()

    def work(self) -> None:
        """Obey until the end."""
        trained = self._task.trained  # then one process predicts, and nobody else is needed
        processes = 1 if trained else self._task.processes
        self._device = take_device(self._task.device, deterministic=self._task.deterministic, processes=processes)
        self.say(origin.ready(self._task, str(self._device), self._engine))
        self._registry = load_plugins()
        code = origin.LoadedCode(self._task, self._registry)
        method = self._build(build_planned)
        if trained:
            models.load(method, self._job.model)
        shared = self._task.processes > 1 and not trained
        if shared and (why := method.why_not_shared(self._device)):
            raise SharingError(f"{self._task.processes} processes cannot share this training: {why}")
        with Peers(self._task, self._give_up) if shared else contextlib.nullcontext() as peers:
            self.say(messages.Built(validates=method.validates))
            while True:
                order, files = self._order()
                if isinstance(order, Fit):
                    ended = self._fit(method, order, files, peers)
                    del method
                    gc.collect()  # what trained makes room for what is read back
                    if not ended:
                        return
                    method = self._read_back()
                    self.say(messages.Saved(parameter_count=method.parameter_count()))
                elif isinstance(order, Predict):
                    self._predict(method, order.samples)
                elif isinstance(order, End):
                    self.say(code.that_ran(Path(self._task.environments)))
                    return

    def _build(self, build: Callable[[Task, Registry, Path], RunnableMethod]) -> RunnableMethod:
        """Return the method, untrained, on its device."""
        seed_everything(self._task.seed, "weights")  # drawn while it is built, and never again
        method = build(self._task, self._registry, Path(self._task.environments))
        method.to(self._device)
        return method

    def _fit(self, method: RunnableMethod, order: Fit, files: list[int], peers: Peers | None) -> bool:
        """Train, say what that cost, and save the model; return whether it ended."""
        training = StoredData.of(files[:2], order.scans, order.delayed)
        validation = StoredData.of(files[2:], order.validation_scans, order.validation_delayed)
        data = training.entitled(self._task.supervision)
        pairs = validation.pairs() if method.validates else ()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        with peers.sharing(order, files, self._device) if peers else contextlib.nullcontext() as ranks:
            clock = TrainingClock()
            run = TrainingContext(
                seed=self._task.seed,
                budget=Budget(images=self._task.images, seconds=self._task.seconds),
                device=self._device,
                folder=self._job.training,
                engine=self._engine,
                progress=self._show,
                clock=clock,
                asked_to_stop=self._asked_to_stop,
                harness_validates=method.validates,
            )
            try:
                method.fit(data, run, HarnessOnly(pairs, clock, ranks))
            except BaseException:
                with contextlib.suppress(Exception):  # what went wrong first is what is told
                    self.say(cost(run, clock, failed=True))
                raise
        self.say(cost(run, clock))
        if run.interrupted:
            return False
        models.save(method, self._job.model)
        return True

    def _read_back(self) -> RunnableMethod:
        """Return a method built afresh with the saved state, so that what predicts is what was kept.

        Raises:
            PluginError: it cannot be read back.
        """
        method = self._build(build_again)
        try:
            models.load(method, self._job.model)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(
                f"a fresh {self._task.method} cannot take back what state_dict() gave ({one_line(error)}); "
                "load_state_dict() has nothing but the state and the parameters to go by"
            ) from error
        return method

    def _predict(self, method: RunnableMethod, samples: int) -> None:
        """Predict what is asked for, keeping the first samples of each.

        Raises:
            PluginError: what is predicted is no volume, or has fewer samples.
        """
        name, number, kept = f"the prediction of {self._task.method}", 0, 0

        def keep(sample: Volume) -> None:
            nonlocal kept
            if kept < samples:
                kept += 1
                self._save(sample, number, f"sample {kept} of {name}", kept)

        for predicted in method.predict_all(self._scans(), keep if samples else None):
            self._save(predicted, number, name)
            if kept < samples:
                raise PluginError(f"{self._task.method} drew {kept} samples, and {samples} are to be kept")
            self.say(messages.Predicted())
            number, kept = number + 1, 0
        on_cuda = self._device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self._device) if on_cuda else None
        self.say(messages.Done(peak_device_memory_bytes=peak))

    def _save(self, predicted: object, number: int, name: str, sample: int = 0) -> None:
        volume = np.asarray(predicted)
        check_prediction(name, volume.shape, volume.dtype, expected=self._shapes[number])
        np.save(self._job.predicted(number, sample), volume, allow_pickle=False)

    def _scans(self) -> Iterator[Scan]:
        """Ask for one early scan after the other; each belongs to the method, which may change it."""
        self._shapes: list[tuple[int, ...]] = []
        while True:
            self.say(messages.NextPlease())
            order, _ = self._order()
            if not isinstance(order, Early) or order.scan is None:
                return
            scan = read_scan_files(self._job.images, order.scan)
            self._shapes.append(scan.early.shape)
            yield scan

    def _asked_to_stop(self) -> bool:
        """Return whether the user has asked to stop; looked at after each step."""
        if not self._stop_asked and self._channel.has_message():
            self._receive()  # nothing else is said while a method trains
        return self._stop_asked

    def _show(self, description: str, done: float, total: float) -> None:
        self.say(messages.Progress(description=description[:200], done=done, total=total))

    def _order(self) -> tuple[Any, list[int]]:
        order, files = self._receive()
        while isinstance(order, Stop):
            order, files = self._receive()
        return order, files

    def _receive(self) -> tuple[Any, list[int]]:
        received = self._channel.receive()
        if received is None:
            sys.exit("the run's process has ended")
        order = messages.ORDERS.validate_python(received[0])
        self._stop_asked = self._stop_asked or isinstance(order, Stop)
        return order, received[1]

    def say(self, message: BaseModel) -> None:
        """Send a message to the run's process."""
        with self._saying:
            self._channel.send(message.model_dump(mode="json"))

    def _give_up(self, failed: messages.Failed) -> None:
        """End this process from another thread, whatever it waits for: a process that shared its training is gone."""
        with self._saying:
            self._channel.send(failed.model_dump(mode="json"))
            kill_descendants()
            os._exit(1)


def main(descriptor: int, parent: int) -> None:
    """Work for the process at the other end of a channel."""
    channel = begin(descriptor, parent)
    received = channel.receive()
    if received is None:
        return
    task = Task.model_validate(received[0])
    keep_to(task)
    side = MethodSide(channel, task)
    try:
        side.work()
    except BaseException as error:  # whatever a method does, it is told how it ended
        side.say(error.failed if isinstance(error, PeerFailedError) else failure(error, task))
    finally:
        kill_descendants()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
