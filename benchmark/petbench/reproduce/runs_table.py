"""The runs behind the page: what each of them took, where, and by which code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.report.formatting import budget, count, duration, rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.records import RunRow

HEADS = ("run", "method", "fold", "seed", "budget", "parameters", "trained", "images/s", "in all")


def cells(run: RunRow, seconds: Mapping[int, float]) -> list[str]:
    """Return one row.

    Args:
        run: which.
        seconds: what each run took, by its number.
    """
    return [
        str(run.id),
        f"`{run.method}`",
        str(run.fold),
        str(run.seed),
        budget(run.budget),
        count(run.parameter_count),
        duration(run.train_seconds),
        rate(run.images_per_second),
        duration(seconds.get(run.id) or None),
    ]


def facts(runs: Sequence[RunRow], seconds: Mapping[int, float]) -> dict[str, str]:
    """Return time, machine and code of all runs in words."""
    trained = [run for run in runs if run.images_seen]
    machine = trained[-1].machine
    memory = float(str(machine.get("memory_bytes") or 0)) / 2**30
    versions = {name: sorted({str(run.environment.get(name)) for run in trained}) for name in ("petbench", "torch")}
    commits = sorted({_commit(run) for run in trained} - {""})
    return {
        "total": duration(sum(seconds.get(run.id, 0.0) for run in runs)),
        "machine": f"{machine.get('processor')}, {machine.get('cores')} cores, {memory:.0f} GiB, "
        f"{machine.get('name') or 'no CUDA device'}; {machine.get('system')}",
        "code": f"petbench {', '.join(versions['petbench'])}"
        + (f" at {', '.join(commits)}" if commits else "")
        + f"; torch {', '.join(versions['torch'])}",
        "fingerprint": runs[0].fingerprint[:16],
        "protocol": str(runs[0].protocol),
    }


def _commit(run: RunRow) -> str:
    source = run.machine.get("source")
    if not isinstance(source, dict) or not source.get("commit"):
        return ""
    return f"`{str(source['commit'])[:10]}`" + (" with changes" if source.get("modified_files") else "")
