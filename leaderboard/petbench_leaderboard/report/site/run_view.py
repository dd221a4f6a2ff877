"""All that a run's page shows, ready for its template."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench_leaderboard.faults import FAULTS
from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.site.run_charts import Chart, run_charts
from petbench_leaderboard.report.site.score_tables import ScoreTable, score_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_leaderboard.phase_rows import PhaseRow
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.site.sources import ExamplePicture, RunFiles
    from petbench_leaderboard.score_records import ScoreRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """All that a run's page shows."""

    run: RunRow
    failed: bool
    facts: list[tuple[str, str]]
    costs: list[tuple[str, str]]
    parameters: list[tuple[str, str]]
    machine: list[tuple[str, str]]
    packages: list[tuple[str, str]]
    phases: list[tuple[str, str, float]]
    charts: list[Chart]
    example: ExamplePicture | None
    tables: list[ScoreTable]
    validation: list[ScoreTable]
    missing: list[tuple[str, str]]
    source_diff: str
    log: str


def view_run(
    run: RunRow,
    scores: Sequence[ScoreRow],
    phases: Sequence[PhaseRow],
    files: RunFiles,
    identity: Mapping[tuple[str, str], float],
    source_diff: str = "",
    validation: Sequence[ScoreRow] = (),
) -> RunPage:
    """Put a run's page together.

    Args:
        run: which.
        scores: of the newest protocol that it was scored by.
        phases: as measured.
        files: what its folder holds.
        identity: by metric and participant, what the early image itself scores.
        source_diff: how its code differed from its commit.
        validation: its scores on validation participants, by the same protocol.
    """
    flags = {key: files.plan[key] for key in ("compile", "cuda_graphs", "deterministic") if key in files.plan}
    return RunPage(
        run=run,
        failed=run.status in FAILURES,
        facts=_facts(run),
        costs=_costs(run),
        parameters=_pairs(run.parameters),
        machine=_pairs({**run.machine, **flags}),
        packages=_pairs(run.environment),
        phases=_phases(phases),
        charts=run_charts(files, scores, identity),
        example=files.example,
        tables=score_tables(scores),
        validation=score_tables(validation),
        missing=sorted({(score.metric, str(score.reason)) for score in scores if score.value is None}),
        source_diff=source_diff,
        log=files.log,
    )


def _facts(run: RunRow) -> list[tuple[str, str]]:
    found: dict[str, object] = {
        "identity": run.identity,
        "method": run.method,
        "plugin": f"{run.plugin}, {run.distribution} {run.version}",
        "source": run.source_hash,
        "supervision": run.supervision,
        "inputs": stated.inputs(run),
        "role": run.role,
        "preset": run.preset,
        "dataset": f"{run.dataset}, fingerprint {run.fingerprint}",
        "split": f"{run.split}, digest {run.split_digest}",
        "fold": run.fold,
        "seed": run.seed,
        "precision": run.precision,
        "budget": run.budget,
        "track": stated.track(run),
        "changed": ", ".join(stated.changed_parameters(run)),
        "found": stated.tuning(run),
        "task": run.task,
        "protocol": run.protocol,
        "predicts": stated.untested(run) or ", ".join(run.test_participants),
        "verification": run.verification,
        "isolation": run.isolation,
        "fault": run.fault and FAULTS.get(run.fault, run.fault),
        "uid": run.uid,
        "planned": f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "started": run.started_at and f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "ended": run.ended_at and f"{run.ended_at:%Y-%m-%d %H:%M:%S} UTC",
        "log": run.log_path,
    }
    return [(key, str(value)) for key, value in found.items() if value not in (None, "")]


def _costs(run: RunRow) -> list[tuple[str, str]]:
    found = {
        "training": formatting.duration(run.train_seconds),
        "images seen": "" if run.images_seen is None else f"{run.images_seen:,}",
        "images a second": formatting.rate(run.images_per_second),
        "a volume": formatting.duration(run.seconds_per_volume),
        "memory": formatting.memory(run.peak_memory_bytes),
        "device memory": formatting.memory(run.peak_device_memory_bytes),
        "parameters": formatting.count(run.parameter_count),
        "device": run.device or "",
    }
    return [(key, value) for key, value in found.items() if value not in ("", formatting.MISSING)]


def _pairs(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in facts.items():
        if isinstance(value, Mapping):
            pairs += _pairs(value, f"{prefix}{key} · ")
        elif value not in (None, [], ()):
            shown = ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
            pairs.append((f"{prefix}{key}", shown))
    return pairs


def _phases(phases: Sequence[PhaseRow]) -> list[tuple[str, str, float]]:
    """Return each phase's time, written and as a part of the whole."""
    spent: dict[str, float] = defaultdict(float)
    for phase in phases:
        spent[phase.phase] += phase.seconds
    whole = sum(spent.values()) or 1.0
    return [(name, formatting.duration(seconds), seconds / whole) for name, seconds in spent.items()]
