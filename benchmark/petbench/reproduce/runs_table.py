"""The runs behind the page: what each of them took, where, and by which code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench.reproduce.words import TITLES, markdown_table
from petbench_leaderboard.report.formatting import MISSING, budget, count, duration, rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.reproduce.experiment import Part
    from petbench.reproduce.results import Results
    from petbench_leaderboard.records import RunRow

_HEADS = (
    "run", "part", "method", "rate", "fold", "seed", "budget", "images seen", "parameters", "trained", "images/s",
    "in all", "status",
)  # fmt: skip


def table(results: Results, seconds: Mapping[int, float]) -> str:
    """Return every run, those that did not end well included.

    Args:
        results: with the runs.
        seconds: what each run took, by its number.
    """
    parts = _parts(results)
    rows = [
        [
            str(run.id),
            ", ".join(TITLES[part] for part in parts[run.id]) or "beyond the grid",
            f"`{run.method}`",
            _rate(run),
            str(run.fold),
            str(run.seed),
            budget(run.budget),
            MISSING if run.images_seen is None else f"{run.images_seen:,}",
            count(run.parameter_count),
            duration(run.train_seconds),
            rate(run.images_per_second),
            duration(seconds.get(run.id) or None),
            run.status,
        ]
        for run in results.runs
    ]
    return markdown_table(_HEADS, rows)


def facts(runs: Sequence[RunRow], seconds: Mapping[int, float]) -> dict[str, str]:
    """Return time, machines and code of all runs in words."""
    trained = [run for run in runs if run.images_seen] or list(runs)
    versions = {name: sorted({str(run.environment.get(name)) for run in trained}) for name in ("petbench", "torch")}
    commits = sorted({_commit(run) for run in trained} - {""})
    return {
        "total": duration(sum(seconds.get(run.id, 0.0) for run in runs)),
        "machine": " / ".join(dict.fromkeys(map(_machine, trained))),
        "code": f"petbench {', '.join(versions['petbench'])}"
        + (f" at {', '.join(commits)}" if commits else "")
        + f"; torch {', '.join(versions['torch'])}",
        "fingerprint": runs[0].fingerprint[:16],
        "protocol": str(runs[0].protocol),
    }


def _parts(results: Results) -> dict[int, list[Part]]:
    found: dict[int, list[Part]] = {run.id: [] for run in results.runs}
    for line in results.references:
        for run in line.runs:
            found[run.id].append("references")
    for choice in results.choices.values():
        for trial in choice.trials:
            for run in trial.runs:
                found[run.id].append("rates")
    for name, of_set in results.sets.items():
        for line in of_set.values():
            for run in line.runs:
                found[run.id].append(name)
    return found


def _rate(run: RunRow) -> str:
    rate = run.parameters.get("learning_rate")
    return f"{rate:g}" if isinstance(rate, float) else MISSING


def _machine(run: RunRow) -> str:
    machine = run.machine
    memory = float(str(machine.get("memory_bytes") or 0)) / 2**30
    # A kernel's build says nothing to a reader.
    system = re.sub(r"^(\S+ \d+\.\d+)\S*", r"\1", str(machine.get("system")))
    return (
        f"{machine.get('processor')}, {machine.get('cores')} cores, {memory:.0f} GiB, "
        f"{machine.get('name') or 'no CUDA device'}; {system}"
    )


def _commit(run: RunRow) -> str:
    source = run.machine.get("source")
    if not isinstance(source, dict) or not source.get("commit"):
        return ""
    return f"`{str(source['commit'])[:10]}`" + (" with changes" if source.get("modified_files") else "")
