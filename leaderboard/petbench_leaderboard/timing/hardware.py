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
    facts, processes = run.machine, processes_of(run)
    if isinstance(facts.get("name"), str):
        return f"{processes} × {facts['name']}" if processes > 1 else str(facts["name"])
    # The threads that its settings ask for, else what torch chose.
    threads = asked if (asked := _settings(run).get("threads")) is not None else facts.get("threads")
    processor, cores = facts.get("processor"), facts.get("cores")
    if not isinstance(threads, int):
        return ""
    used = counted(threads, "thread")
    parts = [
        str(processor or "processor of unknown name"),
        f"{processes} processes of {used}" if processes > 1 else used,
    ]
    if isinstance(cores, int):
        parts.insert(1, counted(cores, "core"))
    if run.device not in (None, "cpu"):
        parts.insert(0, str(run.device))
    return ", ".join(parts)


def processes_of(run: RunRow) -> int:
    """Return how many processes shared the training of a run, on CUDA each on a card of its own."""
    noted = _settings(run).get("processes")
    return noted if isinstance(noted, int) else 1


def _settings(run: RunRow) -> Mapping[str, object]:
    """Return how the engine ran that trained a run."""
    engine = run.machine.get("engine")
    return engine if isinstance(engine, Mapping) else {}
