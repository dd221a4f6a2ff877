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
from petbench.training.ranks import Ranks, joined

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


@contextlib.contextmanager
def sharing(
    task: Task, fit: Fit, files: Sequence[int], device: torch.device, give_up: Callable[[Failed], object]
) -> Iterator[Ranks | None]:
    """Within the block, as many processes as a task says share its training, and this one leads; None where it is one.

    Args:
        task: of the method.
        fit: what to train with.
        files: descriptors of the files of that.
        device: of this process.
        give_up: called from another thread where one of the others is gone and this one still waits for it.

    Raises:
        PeerFailedError: one of the others failed; all have ended.
    """
    if task.processes == 1:
        yield None
        return
    with _MEETING() as meeting, Peers(task, fit, files, meeting, give_up) as peers:
        with peers.telling_failures(), joined(0, task.processes, peers.store, device) as ranks:
            yield ranks
        peers.end()


class Peers:
    """The processes of the ranks from 1 on; a context manager that leaves none of them running.

    Args:
        task: of the method.
        fit: what to train with.
        files: descriptors of the files of that.
        meeting: an empty file, in which all find each other.
        give_up: see `sharing`.
    """

    def __init__(
        self,
        task: Task,
        fit: Fit,
        files: Sequence[int],
        meeting: IO[bytes],
        give_up: Callable[[Failed], object],
    ) -> None:
        self.store = f"/proc/self/fd/{meeting.fileno()}" if _ON_LINUX else str(meeting.name)
        self._parts = [Part(task=task, rank=rank, store=self.store, fit=fit) for rank in range(1, task.processes)]
        self._files = files
        self._meeting = meeting
        self._give_up = give_up
        self._kills_before = out_of_memory_kills()
        self._failed: Failed | None = None
        self._known = threading.Event()
        self._left = threading.Event()

    def __enter__(self) -> Peers:
        """Start them; they build the method and read the images while this process does."""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._channels: list[Channel] = []
        for part in self._parts:
            ours, theirs = Channel.pair()
            with theirs:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", PEER, str(theirs.fileno()), str(os.getpid())],
                        stdin=subprocess.DEVNULL,
                        pass_fds=(theirs.fileno(), self._meeting.fileno()),
                    )
                )
            self._channels.append(ours)
            with contextlib.suppress(ConnectionError):  # it has ended, which is noticed below
                ours.send(part.model_dump(mode="json"), self._files)
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

    def end(self) -> None:
        """Let them end by themselves, now that the training has."""
        self._left.set()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))

    @contextlib.contextmanager
    def telling_failures(self) -> Iterator[None]:
        """Within the block, what fails because another process is gone is that one's failure.

        Raises:
            PeerFailedError: one of the others failed.
        """
        try:
            yield
        except PeerLostError:
            if self._known.wait(_GRACE_SECONDS) and self._failed is not None:
                raise PeerFailedError(self._failed) from None
            raise

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
        if code == 0:
            return None
        ending = ending_of_death(code, out_of_memory=out_of_memory_kills() > self._kills_before)
        return Failed(
            status=ending["status"],
            error_class=ending["error_class"] or "ProcessDied",
            message=f"{which}: {ending['error_message']}",
            fault=ending["fault"] or "method",
        )
