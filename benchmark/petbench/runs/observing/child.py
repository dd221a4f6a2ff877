"""The process of one observer: loads its plugin and calls it with one event after the other.

Started by `petbench.runs.observing.host` as `python -m petbench.runs.observing.child DESCRIPTOR PARENT`, with one end
of a `Channel`.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import sys
import traceback
from typing import TYPE_CHECKING

from petbench.errors import PluginError, one_line
from petbench.processes.channel import Channel
from petbench.processes.tree import adopt_orphans, end_with_parent, kill_descendants
from petbench.registry import GROUP, load_plugins
from petbench.runs.observing.messages import Chosen, unpack

if TYPE_CHECKING:
    from petbench.run_events import Observer


def main(descriptor: int, parent: int) -> None:
    """Observe one run for the process at the other end of a channel."""
    end_with_parent(parent)
    adopt_orphans()
    channel = Channel.inherited(descriptor)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    received = channel.receive()
    if received is None:
        return
    failures = 0

    def failed(when: str, error: BaseException) -> None:
        nonlocal failures
        failures += 1
        traceback.print_exception(error)
        if failures == 1:
            channel.send({"failed": when, "error": one_line(error)})

    try:
        observe = observer(Chosen.model_validate(received[0]))
    except (Exception, SystemExit) as error:
        failed("before the first event", error)
        channel.send({"told": 0, "failures": failures})
        return
    told = 0
    while (received := channel.receive()) is not None:
        event = unpack(received[0])
        try:
            observe(event)
        except (Exception, SystemExit) as error:
            failed(f"when it was told {type(event).__name__}", error)
        told += 1
    channel.send({"told": told, "failures": failures})


def observer(chosen: Chosen) -> Observer:
    """Return what is called with each event.

    Raises:
        PluginError: there is no such observer, or it cannot be called.
    """
    points = [
        point
        for point in importlib.metadata.entry_points(group=GROUP)
        if point.name == chosen.entry_point and point.dist is not None and point.dist.name == chosen.distribution
    ]
    found = load_plugins(points, raise_errors=True).observers()
    if chosen.name not in found:
        raise PluginError(f"{chosen.distribution} no longer brings an observer {chosen.name!r}")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    observe = found[chosen.name][0].build(chosen.folder)
    if not callable(observe):
        raise PluginError(f"build returned a {type(observe).__name__}, which cannot be called with an event")
    return observe


if __name__ == "__main__":
    atexit.register(kill_descendants)  # after what the observer's own libraries do at exit
    main(int(sys.argv[1]), int(sys.argv[2]))
