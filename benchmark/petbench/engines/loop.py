"""Watch runs until they have ended, ask the engine as seldom as will do, and pass on requests to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

from petbench.engine_spec import EngineUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from petbench.engines.watch import Watch

_LOOK_SECONDS = 0.5
_PART = 0.05
"""The part of the time that looking and asking may take of a machine and a controller."""
_SLOWEST_SECONDS = 30.0
_SLOWER = 1.5


def watch_until_ended(
    watch: Watch, ask_seconds: float, *, draw: Callable[[], object], say: Callable[[str], object]
) -> None:
    """Watch until no run is left, or somebody has pressed Ctrl-C twice.

    The first Ctrl-C cancels the runs that wait and asks those that run for a checkpoint; the second cancels all. A
    process that ends otherwise leaves the runs to the engine.

    Args:
        watch: the runs.
        ask_seconds: how often the engine may be asked, at most; less often while nothing changes.
        draw: shows how things are.
        say: prints a line.
    """
    with _interrupts() as asked:
        asking, next_ask, cancelled = ask_seconds, 0.0, 0
        unreachable = ""
        while watch.active:
            began = time.monotonic()
            if asked.count > cancelled:
                cancelled = _cancel(watch, cancelled, say)
                next_ask = 0.0
                if cancelled > 1:
                    break
            if watch.look():
                asking = ask_seconds
            if began >= next_ask and watch.active:
                changed = watch.ask()
                took = time.monotonic() - began
                asking = ask_seconds if changed else min(asking * _SLOWER, _SLOWEST_SECONDS)
                next_ask = time.monotonic() + max(asking, took / _PART)
            if watch.unreachable and not unreachable:
                say(f"no answer from the engine ({watch.unreachable}); the runs are as last known")
            unreachable = watch.unreachable
            draw()
            if watch.active:
                asked.wait(max(_LOOK_SECONDS, (time.monotonic() - began) / _PART / 10))


def _cancel(watch: Watch, before: int, say: Callable[[str], object]) -> int:
    """Pass one Ctrl-C on, and return how many were; one that reaches nobody is none."""
    now = before > 0
    try:
        watch.cancel(now=now)
    except EngineUnreachableError as error:
        say(f"nothing could be cancelled ({error}); press Ctrl-C again to try again, or leave with SIGTERM")
        return before
    if not now:
        left = "what is scored keeps the scores it had" if watch.scores else "what runs writes a checkpoint"
        say(f"cancelled what waits; {left}. Press Ctrl-C again to cancel that too")
    return before + 1


class _Interrupts:
    """Counts how often Ctrl-C was pressed, and wakes who waits."""

    def __init__(self) -> None:
        self.count = 0
        self._woken = threading.Event()

    def note(self, *_: object) -> None:
        self.count += 1
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait, or until Ctrl-C is pressed."""
        self._woken.wait(seconds)
        self._woken.clear()


@contextlib.contextmanager
def _interrupts() -> Iterator[_Interrupts]:
    asked = _Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, asked.note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
