"""One run in words, numbers and charts, ready for its page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from petbench_leaderboard.records import FAILURES
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.metric_labels import LABELS
from petbench_leaderboard.report.site import charts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_leaderboard.records import PhaseRow, RunRow, ScoreRow
    from petbench_leaderboard.report.site.sources import RunFiles

WHOLE = ("body", "volume")
_AGREEMENT = "organ_suvmean_bias"
_EVERY_PARTICIPANT = ("psnr_body_suv20", "ssim_body_suv20", "mae_body_suv")
_MOST_POINTS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with what it says in words, for those who do not see it."""

    name: str
    title: str
    description: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Scores with one row a region, or a metric, and one column a participant."""

    metric: str
    convention: str
    unit: str
    participants: list[str]
    rows: list[tuple[str, str, list[tuple[str, str]]]]


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
    tables: list[ScoreTable]
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
) -> RunPage:
    """Put a run's page together.

    Args:
        run: which.
        scores: of the newest protocol that it was scored by.
        phases: as measured.
        files: what its folder holds.
        identity: by metric and participant, what the early image itself scores.
        source_diff: how its code differed from its commit.
    """
    flags = {key: files.plan[key] for key in ("compile", "deterministic") if key in files.plan}
    drawn = [*_training(files), *_participants(scores, identity), *_organs(scores)]
    return RunPage(
        run=run,
        failed=run.status in FAILURES,
        facts=_facts(run),
        costs=_costs(run),
        parameters=_pairs(run.parameters),
        machine=_pairs({**run.machine, **flags}),
        packages=_pairs(run.environment),
        phases=_phases(phases),
        charts=drawn,
        tables=_tables(scores),
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
        "role": run.role,
        "preset": run.preset,
        "dataset": f"{run.dataset}, fingerprint {run.fingerprint}",
        "split": f"{run.split}, digest {run.split_digest}",
        "fold": run.fold,
        "seed": run.seed,
        "precision": run.precision,
        "budget": run.budget,
        "protocol": run.protocol,
        "predicts": ", ".join(run.test_participants),
        "verification": run.verification,
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


def _training(files: RunFiles) -> list[Chart]:
    found = []
    for name, event, key, title in (
        ("step", "step", "losses", "Losses"),
        ("balance", "step", "gan_share", "Adversarial share of the loss"),
        ("validation", "validation", None, "Validation"),
    ):
        series: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        for line in files.events:
            images = line.get("images")
            if line.get("event") != event or not isinstance(images, int | float):
                continue
            values = line.get(key, {}) if key else line
            for series_name, value in values.items() if isinstance(values, Mapping) else ():
                if isinstance(value, float) and series_name != "seconds" and value - value == 0.0:
                    series[str(series_name)][0].append(float(images))
                    series[str(series_name)][1].append(value)
        if series:
            thinned = {one: (_thin(images), _thin(values)) for one, (images, values) in series.items()}
            item = charts.curves(thinned, "value", title)
            last = ", ".join(f"{one} {values[-1]:.3g}" for one, (_, values) in series.items())
            found.append(Chart(name=name, title=title, description=f"Last values: {last}.", item=item))
    return found


def _thin(values: Sequence[float]) -> list[float]:
    step = max(1, len(values) // _MOST_POINTS)
    return list(values[::step])


def _participants(scores: Sequence[ScoreRow], identity: Mapping[tuple[str, str], float]) -> list[Chart]:
    found = []
    for metric in _EVERY_PARTICIPANT:
        some = [s for s in scores if s.metric == metric and s.participant and s.region in WHOLE and s.value is not None]
        if not some:
            continue
        label = LABELS[metric]
        names = [str(score.participant) for score in some]
        others = [identity.get((metric, name)) for name in names]
        unit = "" if some[0].unit == "1" else some[0].unit
        title = f"{label.name} ({', '.join(part for part in (label.detail, unit) if part)})"
        item = charts.dots(names, [float(s.value or 0.0) for s in some], others, title)
        mean = formatting.number(fmean(s.value or 0.0 for s in some), label.decimals)
        words = f"{len(some)} participant{'' if len(some) == 1 else 's'}, mean {mean} {unit}".rstrip() + "."
        found.append(Chart(name=metric, title=title, description=words, item=item))
    return found


def _organs(scores: Sequence[ScoreRow]) -> list[Chart]:
    some = [s for s in scores if s.metric == _AGREEMENT and s.participant and s.value is not None]
    if not some:
        return []
    unit = some[0].unit
    names, values = [s.region.replace("_", " ") for s in some], [float(s.value or 0.0) for s in some]
    people = [str(s.participant) for s in some]
    worst = max(zip(names, values, strict=True), key=lambda pair: abs(pair[1]))
    words = f"The largest difference is {formatting.number(worst[1], 1, sign=True)} {unit}, in {worst[0]}."
    item = charts.organs(names, values, people, unit)
    found = [Chart(name="organs", title="SUVmean by organ, predicted − real", description=words, item=item)]
    points: list[dict[str, Any]] = [
        {"x": (real + made) / 2.0, "y": made - real, "organ": s.region.replace("_", " "), "who": str(s.participant)}
        for s in some
        if isinstance(real := s.extra.get("real"), float) and isinstance(made := s.extra.get("predicted"), float)
    ]
    if points:
        differences = [float(point["y"]) for point in points]
        mean = fmean(differences)
        spread = 1.96 * stdev(differences) if len(differences) > 1 else None
        limits = None if spread is None else (mean - spread, mean + spread)
        item = charts.bland_altman(points, mean, limits, "SUV")
        words = f"{len(points)} organs, mean difference {formatting.number(mean, 2, sign=True)} SUV."
        found.append(Chart(name="agreement", title="Bland–Altman: SUVmean of organs", description=words, item=item))
    return found


def _tables(scores: Sequence[ScoreRow]) -> list[ScoreTable]:
    """Return what belongs to the whole image as one table, and one table a metric of organs and lesions."""
    grouped: dict[tuple[str, str, str], dict[str, dict[str, ScoreRow]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.value is not None:
            key = (score.metric, score.convention_id, formatting.plain_unit(score.unit))
            grouped[key][score.region][score.participant or "all"] = score
    everyone = sorted({score.participant or "all" for score in scores})
    whole = ScoreTable(metric="whole image", convention="", unit="", participants=everyone, rows=[])
    tables = []
    for (metric, convention, unit), regions in sorted(grouped.items()):
        if len(regions) == 1:
            ((region, found),) = regions.items()
            name = f"{metric}{f', {unit}' if unit else ''}"
            detail = " · ".join(part for part in (region.replace("_", " "), convention, _remark(found)) if part)
            whole.rows.append((name, detail, [_written(found.get(who)) for who in everyone]))
            continue
        people = sorted({who for of_region in regions.values() for who in of_region})
        rows = [
            (region.replace("_", " "), _remark(of_region), [_written(of_region.get(who)) for who in people])
            for region, of_region in regions.items()
        ]
        tables.append(ScoreTable(metric=metric, convention=convention, unit=unit, participants=people, rows=rows))
    return [whole, *tables] if whole.rows else tables


def _remark(found: Mapping[str, ScoreRow]) -> str:
    """Return what a score of all participants together rests on."""
    return formatting.remark(found["all"].extra) if "all" in found else ""


def _written(score: ScoreRow | None) -> tuple[str, str]:
    """Return a score as people read it, and to the last digit."""
    if score is None or score.value is None:
        return formatting.MISSING, ""
    return formatting.number(score.value, 3), repr(score.value)
