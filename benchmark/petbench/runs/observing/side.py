"""The host's side of one observer: starts its process, hands over events, and says what became of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from petbench.errors import plain_line
from petbench.processes.channel import Channel, ChannelError
from petbench.processes.output import Output
from petbench.processes.tree import kill_tree
from petbench.runs.observing.mailbox import Mailbox
from petbench.runs.observing.messages import pack
from petbench.runs.options import RunOptions

if TYPE_CHECKING:
    from petbench.run_events import RunEvent
    from petbench.runs.observing.messages import Chosen

_OUTPUT_SECONDS = 1.0


class ObserverProcess:
    """One observer of one run; nothing that it does keeps this process waiting, but for `end`.

    Args:
        chosen: which.
    """

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._mailbox = Mailbox()
        self._failed: dict[str, Any] = {}
        self._done: dict[str, Any] = {}
        self._channel, theirs = Channel.pair()
        read, write = os.pipe()
        self._process = subprocess.Popen(
            RunOptions().command("-m", "petbench.runs.observing.child", str(theirs.fileno()), str(os.getpid())),
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        os.close(write)
        self._output = Output(read, lambda _line: None)
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._send, self._listen)]
        for thread in self._threads:
            thread.start()

    def tell(self, event: RunEvent) -> None:
        """Have the observer told; at once, or when it has time."""
        self._mailbox.put(event)

    def finish(self) -> None:
        """Say that nothing more comes."""
        self._mailbox.close()

    def end(self, deadline: float, waited_seconds: float) -> list[str]:
        """Wait for the process until a moment of the monotonic clock, end it, and return what there is to say of it."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        code = self._process.poll()
        if code is None:
            kill_tree(self._process.pid)
            self._process.wait()
        self._output.finish(_OUTPUT_SECONDS)
        return [f"{self._chosen.words} {what}" for what in self._account(code, waited_seconds)]

    def _account(self, code: int | None, waited_seconds: float) -> list[str]:
        lines = []
        if self._failed:
            more = int(self._done.get("failures", 1)) - 1
            lines.append(
                f"failed {self._failed['failed']}: {self._failed['error']}"
                + (f", and {more} more time{'s' * (more > 1)}" if more > 0 else "")
            )
        if code is None:
            lines.append(f"was still at work {waited_seconds:g} s after the run had ended, and was stopped")
        elif not self._done:
            lines.append(f"ended by itself before the run was over (exit code {code})")
        if self._mailbox.missed:
            lines.append(f"was too slow: it missed {self._mailbox.missed} of {self._mailbox.given} events")
        return lines

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # it has ended
            self._channel.send(self._chosen.model_dump(mode="json"))
            while (event := self._mailbox.take()) is not None:
                self._channel.send(pack(event))
            self._channel.end_sending()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ChannelError):
            while (received := self._channel.receive()) is not None:
                said = received[0]
                if not isinstance(said, dict):
                    return
                if "failed" in said and not self._failed:
                    self._failed = {key: plain_line(str(said.get(key))) for key in ("failed", "error")}
                elif isinstance(said.get("failures"), int):
                    self._done = said
