"""The other processes that share a training, as the one sees them that leads: started, watched, and never left alone.

They are started here and not by `torchrun`: its processes meet on a port of every interface, and take over neither the
files without a name that hold the training volumes nor the way in which the processes of a run end with each other.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING

from petbench.errors import PeerLostError
from petbench.processes.channel import Channel, ChannelError
from petbench.processes.ending import ending_of_death, out_of_memory_kills
from petbench.processes.tree import kill_tree
from petbench.runs.method_process.messages import Failed, Fit, Part, Task
from petbench.training.ranks import Kind, Ranks, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

PEER = "petbench.runs.method_process.peer"
_TOGETHER_SECONDS = 0.5
"""When one process fails, the others fail for it: what they say within this time is one failure."""
_GRACE_SECONDS = 3.0
"""For the leading process to notice by itself that another is gone; one that waits for its device never does."""
_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_ON_LINUX = sys.platform == "linux"
_MEETING = tempfile.TemporaryFile if _ON_LINUX else tempfile.NamedTemporaryFile
"""Of an empty file in which all find each other: where it can be, without a name, so that a kill leaves nothing."""


class PeerFailedError(Exception):
    """Another process failed that shared the training; `failed` is what that makes of the run."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


class _Leading(Ranks):
    """The leading process, which notes that it has let the others go."""

    def __init__(self, size: int, let_go: threading.Event) -> None:
        super().__init__(size=size)
        self._let_go = let_go

    def tell(self, kind: Kind, fraction: float = 0.0) -> None:
        """Tell the others what comes next."""
        if kind is Kind.END:
            self._let_go.set()  # before they hear it: they end at once
        super().tell(kind, fraction)


class Peers:
    """The processes of the ranks from 1 on; a context manager that leaves none of them running.

    Args:
        task: of the method, whose training they share.
        give_up: called from another thread where one of them is gone and this process still waits for something.
    """

    def __init__(self, task: Task, give_up: Callable[[Failed], object]) -> None:
        self._task = task
        self._give_up = give_up
        self._processes: list[subprocess.Popen[bytes]] = []
        self._channels: list[Channel] = []
        self._failed: Failed | None = None
        self._known = threading.Event()
        self._let_go = threading.Event()
        self._left = threading.Event()

    def __enter__(self) -> Peers:
        """Start them; they import and build what this process has built, while the training images are read."""
        self._kills_before = out_of_memory_kills()
        self._meeting: IO[bytes] = _MEETING()
        number = self._meeting.fileno()
        self._store = f"/proc/self/fd/{number}" if _ON_LINUX else str(self._meeting.name)
        for rank in range(1, self._task.processes):
            ours, theirs = Channel.pair()
            self._channels.append(ours)
            with theirs:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", PEER, str(theirs.fileno()), str(os.getpid())],
                        stdin=subprocess.DEVNULL,
                        pass_fds=(theirs.fileno(), number),
                    )
                )
            self._send(ours, Part(task=self._task, rank=rank, store=self._store))
        self._watcher = threading.Thread(target=self._watch, name="peers", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them with all that they have started."""
        self._left.set()
        for process in self._processes:
            if process.poll() is None:
                kill_tree(process.pid)
            process.wait()
        self._watcher.join()
        for channel in self._channels:
            channel.close()
        self._meeting.close()

    @contextlib.contextmanager
    def sharing(self, fit: Fit, files: Sequence[int], device: torch.device) -> Iterator[Ranks]:
        """Within the block, all share the training, and this process leads; afterwards the others end by themselves.

        Args:
            fit: what to train with.
            files: descriptors of the files of that.
            device: of this process.

        Raises:
            PeerFailedError: one of the others failed.
        """
        for channel in self._channels:
            self._send(channel, fit, files)
        try:
            with joined(0, self._task.processes, self._store, device) as ranks:
                yield _Leading(ranks.size, self._let_go)
        except PeerLostError:
            if self._known.wait(_GRACE_SECONDS) and self._failed is not None:
                raise PeerFailedError(self._failed) from None
            raise
        self._left.set()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))

    @staticmethod
    def _send(channel: Channel, message: Part | Fit, files: Sequence[int] = ()) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, which is noticed elsewhere
            channel.send(message.model_dump(mode="json"), files)

    def _watch(self) -> None:
        """Wait for a failure, and see that this process ends for it."""
        watched, found = dict(zip(self._channels, range(len(self._channels)), strict=True)), list[Failed]()
        while watched and not self._left.is_set():
            there = select.select(list(watched), [], [], _TOGETHER_SECONDS if found else _LOOK_SECONDS)[0]
            if found and not there:
                break
            found += filter(None, (self._last_words(watched.pop(channel)) for channel in there))
        if not found:
            return
        own = [failed for failed in found if failed.error_class != PeerLostError.__name__]
        self._failed = (own or found)[0]
        self._known.set()
        if not self._left.wait(_GRACE_SECONDS):
            self._give_up(self._failed)

    def _last_words(self, place: int) -> Failed | None:
        """Return what a process says of its failure, or what its death makes of the run; None where it ended well."""
        which = f"process {place + 2} of {len(self._channels) + 1}"
        try:
            received = self._channels[place].receive()
            said = None if received is None else Failed.model_validate(received[0])
        except (ChannelError, ValueError):
            said = None
        if said is not None:
            return said.model_copy(update={"message": f"{which}: {said.message}"[:2000]})
        try:
            code = self._processes[place].wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed what it was not to touch
            code = 1
        if code == 0 and self._let_go.is_set():
            return None
        if code == 0:
            early = f"{which}: ended before the training did"
            return Failed(status="failed", error_class="ProcessDied", message=early, fault="method")
        ending = ending_of_death(code, out_of_memory=out_of_memory_kills() > self._kills_before)
        return Failed(
            status=ending["status"],
            error_class=ending["error_class"] or "ProcessDied",
            message=f"{which}: {ending['error_message']}",
            fault=ending["fault"] or "method",
        )
