"""Events on their way to one observer: few enough for memory, whatever the observer does."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench.run_events import RunEvent

CAPACITY = 32


class Mailbox:
    """A queue between two threads that never keeps the one that puts waiting.

    When it is full the oldest event is dropped, but for the first, which says which run it is.

    Attributes:
        given: events that were put in.
        missed: events that were dropped.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._events: deque[RunEvent] = deque()
        self._capacity = capacity
        self._changed = threading.Condition()
        self._closed = False
        self.given = 0
        self.missed = 0

    def put(self, event: RunEvent) -> None:
        """Add an event."""
        with self._changed:
            if len(self._events) >= self._capacity:
                del self._events[1 if self.given == len(self._events) + self.missed else 0]
                self.missed += 1
            self._events.append(event)
            self.given += 1
            self._changed.notify()

    def close(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> RunEvent | None:
        """Wait for the next event and return it; None when nothing more comes."""
        with self._changed:
            while not self._events and not self._closed:
                self._changed.wait()
            return self._events.popleft() if self._events else None
