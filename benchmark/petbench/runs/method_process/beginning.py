"""How each process begins in which a method's code runs: with a task, and no longer than who started it."""

from __future__ import annotations

import contextlib
import faulthandler
import resource
import signal
import sys
from typing import TYPE_CHECKING

import torch

from petbench.engine_settings import EngineSettings
from petbench.methods.devices import choose_device
from petbench.processes.channel import Channel
from petbench.processes.tree import adopt_orphans, end_with_parent

if TYPE_CHECKING:
    from petbench.runs.method_process.messages import Task


def begin(descriptor: int, parent: int) -> Channel:
    """Bind this process to the one that started it, and return the connection to that.

    Args:
        descriptor: of this process's end of the connection.
        parent: number of the process that started it; 0 where that means nothing here.
    """
    end_with_parent(parent)
    adopt_orphans()
    channel = Channel.inherited(descriptor)
    for stream in (sys.stdout, sys.stderr):
        # What a method prints is read line by line as it comes, and may hold anything.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    return channel


def keep_to(task: Task) -> None:
    """Keep to the limits of a task, and end when its run says so, whatever else asks for it."""
    # A system that ends a job signals every process of it; when to stop, the run's process says. No SIG_IGN, which the
    # programs that a method starts would inherit.
    signal.signal(signal.SIGTERM, lambda *_: None)
    faulthandler.enable()  # a segmentation fault has a line too, in the run's log
    if task.largest_file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.largest_file_bytes, task.largest_file_bytes))


def take_device(asked: str, *, deterministic: bool, rank: int = 0, processes: int = 1) -> torch.device:
    """Return this process's device, once torch keeps to it: before a method is built, which may write `.cuda()`.

    Args:
        asked: as typed.
        deterministic: allow only deterministic algorithms.
        rank: of this process among those that share a training.
        processes: how many they are.

    Raises:
        UsageError: there is no such device here, or there are fewer cards than processes.
    """
    device = choose_device(asked, rank=rank, processes=processes)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if deterministic:
        torch.use_deterministic_algorithms(mode=True)
    return device


def engine_of(task: Task) -> EngineSettings:
    """Return how the engine is to run; processes that share a training share the cores of the machine, too."""
    shared = task.processes > 1
    return EngineSettings(
        precision=task.precision,
        compile=task.compile,
        cuda_graphs=task.cuda_graphs,
        deterministic=task.deterministic,
        processes=task.processes,
        threads=max(1, torch.get_num_threads() // task.processes) if shared else None,
    )
