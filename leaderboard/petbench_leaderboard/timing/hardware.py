"""On what a run trained, in words: times on different hardware compare with nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from petbench_leaderboard.report.formatting import counted

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunRow


def hardware_of(run: RunRow) -> str:
    """Return what trained a run, as the harness recorded it; empty where a run failed before that.

    A graphics card goes by its name; a processor by its name, its cores and the threads that were used of it, on which
    the time depends as much. Where several processes shared the training, each had a card of its own, or threads.
    """
    facts = run.machine
    engine = facts.get("engine")
    asked: Mapping[str, object] = engine if isinstance(engine, Mapping) else {}
    processes = asked.get("processes")
    shared = isinstance(processes, int) and processes > 1
    if isinstance(facts.get("name"), str):
        return f"{processes} × {facts['name']}" if shared else str(facts["name"])
    # The threads that its settings ask for, else what torch chose.
    threads = facts.get("threads") if asked.get("threads") is None else asked["threads"]
    processor, cores = facts.get("processor"), facts.get("cores")
    if not isinstance(threads, int):
        return ""
    used = counted(threads, "thread")
    parts = [str(processor or "processor of unknown name"), f"{processes} processes of {used}" if shared else used]
    if isinstance(cores, int):
        parts.insert(1, counted(cores, "core"))
    if run.device not in (None, "cpu"):
        parts.insert(0, str(run.device))
    return ", ".join(parts)
