"""The process beside an observed run: reads what the training writes, and hands what is new to every observer.

Started by `petbench.runs.observing.watch` as `python -m petbench.runs.observing.host PARENT`, with `Observed` as the
first line of standard input and the last event as the second. It prints a line for whatever went wrong. No plugin's
code runs here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import sys
import time
from typing import TYPE_CHECKING

from petbench.processes.tree import adopt_orphans, end_with_parent, kill_descendants
from petbench.runs.observing.follow import TrainingFollower
from petbench.runs.observing.messages import Observed, unpack
from petbench.runs.observing.side import ObserverProcess

if TYPE_CHECKING:
    from typing import TextIO

LOOK_SECONDS = 1.0
_NICER = 10
"""Observers give way to the training where both want the same processor."""


def main(parent: int) -> None:
    """Tell the observers of one run until it has ended."""
    end_with_parent(parent)
    adopt_orphans()
    observed = Observed.model_validate_json(sys.stdin.readline())
    logging.basicConfig(filename=observed.log, level=logging.INFO, format="%(asctime)s %(message)s", errors="replace")
    logging.raiseExceptions = False
    with contextlib.suppress(OSError):
        os.nice(_NICER)
    started = unpack(observed.started)
    follower = TrainingFollower(started.run, observed.trainings, observed.example, observed.told)
    observers = [ObserverProcess(chosen) for chosen in observed.observers]
    for observer in observers:
        observer.tell(started)
    last = None
    while last is None:
        last = _said(sys.stdin)
        for event in follower.new_events():
            for observer in observers:
                observer.tell(event)
    if not last:  # who asked for it has ended without a word
        return
    deadline = time.monotonic() + observed.patience_seconds
    for observer in observers:
        observer.tell(unpack(json.loads(last)))
        observer.finish()
    for observer in observers:
        for line in observer.end(deadline, observed.patience_seconds):
            sys.stdout.write(f"{line}\n")


def _said(stream: TextIO) -> str | None:
    """Wait a while and return what was said: a line, nothing at the end of the stream, None where nobody has spoken."""
    ready, _, _ = select.select([stream], [], [], LOOK_SECONDS)
    return stream.readline() if ready else None


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    finally:
        kill_descendants()
