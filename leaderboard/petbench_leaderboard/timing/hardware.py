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
    the time depends as much.
    """
    facts = run.machine
    if isinstance(facts.get("name"), str):
        return str(facts["name"])
    processor, cores, threads = facts.get("processor"), facts.get("cores"), _threads(facts)
    if not isinstance(threads, int):
        return ""
    parts = [str(processor or "processor of unknown name"), counted(threads, "thread")]
    if isinstance(cores, int):
        parts.insert(1, counted(cores, "core"))
    if run.device not in (None, "cpu"):
        parts.insert(0, str(run.device))
    return ", ".join(parts)


def _threads(facts: Mapping[str, object]) -> object:
    """Return how many threads a run used: those that its settings ask for, else what torch chose."""
    engine = facts.get("engine")
    asked = engine.get("threads") if isinstance(engine, Mapping) else None
    return facts.get("threads") if asked is None else asked
