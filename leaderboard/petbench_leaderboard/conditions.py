"""Under which conditions a run was made that are no part of its identity and may yet change its numbers.

The number of threads, the processor, the versions of packages: two runs that differ in them agree to rounding at
first, and a training carries rounding on. So they are recorded with every run, and said where runs differ in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_leaderboard.records import RunRecord

OUTSIDE_IDENTITY = "outside_identity"
"""Among a run's facts of its source: local code that it imported, and that is no part of its identity."""

CHANGED_MEANWHILE = "changed_while_it_ran"
"""Likewise: files of its code that were changed before it had ended."""

OWN_PACKAGES = "own_packages"
"""Among a run's facts of the machine: what the method's own virtual environment holds."""

RESUMED = "resumed_under"
"""Among a run's facts of the machine: in which conditions a resumed part differed from the one before it."""

_LONGEST = 60
_MOST_NAMED = 6


def conditions_of(machine: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the conditions of a run by their names, from what was recorded of its machine and its packages."""
    source, engine = _mapping(machine.get("source")), _mapping(machine.get("engine"))
    plugin = _mapping(source.get("plugin"))
    found = {
        "threads": machine.get("threads"),
        "processes": None if engine.get("processes") == 1 else engine.get("processes"),  # as before they were noted
        "processor": machine.get("processor"),
        "accelerator": machine.get("name"),
        "python": machine.get("python"),
        "float32 matmul precision": machine.get("float32_matmul_precision"),
        "compiled": engine.get("compiled"),
        "commit of petbench": source.get("commit"),
        "changed files of petbench": source.get("modified_files"),
        "commit of the plugin": plugin.get("commit"),
        **{f"local code {name}": of for name, of in _mapping(source.get(OUTSIDE_IDENTITY)).items()},
        "files changed while it ran": source.get(CHANGED_MEANWHILE),
        "resumed under other conditions": machine.get(RESUMED),
        **{f"own {name}": version for name, version in _mapping(machine.get(OWN_PACKAGES)).items()},
        **environment,
    }
    return {name: _text(value) for name, value in found.items() if value not in (None, [], {}, "")}


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return which conditions differ, each in words, such as `threads 1 → 2`."""
    names = dict.fromkeys([*before, *now])
    found = [
        f"{name} {before.get(name, 'none')} → {now.get(name, 'none')}"
        for name in names
        if before.get(name) != now.get(name)
    ]
    return _shortened(found)


def differing(runs: Iterable[RunRecord]) -> tuple[str, ...]:
    """Return in which conditions some runs differ, each in words, such as `threads 1, 2`; nothing of a single run."""
    conditions = [conditions_of(run.machine, run.environment) for run in runs]
    found = []
    for name in dict.fromkeys(name for each in conditions for name in each):
        values = list(dict.fromkeys(each.get(name, "none") for each in conditions))
        if len(values) > 1:
            found.append(f"{name} {', '.join(sorted(values))}")
    return tuple(_shortened(found))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _shortened(found: list[str]) -> list[str]:
    left = len(found) - _MOST_NAMED
    return found if left <= 0 else [*found[:_MOST_NAMED], f"{left} more"]
