"""A process that shares a training and does not lead it: it builds the same method, and steps when it is told to.

Started as `python -m petbench.runs.method_process.peer DESCRIPTOR PARENT` by the leading process, in whose folder it
works and whose limits it has. It logs nothing, saves nothing and validates nobody.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.contract import Budget
from petbench.processes.tree import kill_descendants
from petbench.registry import load_plugins
from petbench.runs.build_planned import build_planned
from petbench.runs.method_process.beginning import begin, engine_of, keep_to, take_device
from petbench.runs.method_process.endings import failure
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.messages import Fit, Part
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.ranks import joined
from petbench.training.runnable_method import HarnessOnly
from petbench.training.volumes import StoredData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.processes.channel import Channel


class FollowingContext(TrainingContext):
    """A training's context that leaves no trace: the leading process writes log and checkpoints."""

    def log(self, event: str, values: Mapping[str, object]) -> None:
        """Write nothing."""

    def resume_state(self) -> Mapping[str, Any] | None:
        """Return the state of the newest whole checkpoint, which the leading process goes on from, too."""
        whole = self.checkpoints.newest()
        return None if whole is None else whole["method"]


def take_part(part: Part, channel: Channel) -> None:
    """Build the method, and train until the leading process says that the training has ended."""
    task = part.task
    device = take_device(task.device, deterministic=task.deterministic, rank=part.rank, processes=task.processes)
    seed_everything(task.seed, "weights")  # as in the leading process: the weights are the same
    method = build_planned(task, load_plugins(), Path(task.environments))
    run = FollowingContext(
        seed=task.seed,
        budget=Budget(images=task.images, seconds=task.seconds),
        device=device,
        folder=JobFolder(Path(task.folder)).training,
        engine=engine_of(task),
    )
    received = channel.receive()
    if received is None:  # nobody trains: the method was built in vain
        return
    fit, files = Fit.model_validate(received[0]), received[1]
    training = StoredData.of(files[:2], fit.scans, fit.delayed)
    validation = StoredData.of(files[2:], fit.validation_scans, fit.validation_delayed)
    with joined(part.rank, task.processes, part.store, device) as ranks:
        method.fit(training.entitled(task.supervision), run, HarnessOnly(validation.pairs(), ranks=ranks))


def main(descriptor: int, parent: int) -> None:
    """Take part in the training of the process at the other end of a channel."""
    channel = begin(descriptor, parent)
    received = channel.receive()
    if received is None:
        return
    part = Part.model_validate(received[0])
    keep_to(part.task)
    try:
        take_part(part, channel)
    except BaseException as error:  # whatever it was, the leading process is told
        with contextlib.suppress(ConnectionError):
            channel.send(failure(error, part.task).model_dump(mode="json"))
        sys.exit(1)
    finally:
        kill_descendants()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a method may have closed it
            stream.flush()
    os._exit(0)  # nothing of the training is needed any more: neither its connections nor its threads are taken down


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
