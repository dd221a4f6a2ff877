"""The charts of one run: how it trained, what every participant scored, and how organs agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.names import person_of
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import formatting
from petbench_leaderboard.report.site import charts
from petbench_leaderboard.report.training_series import KINDS, training_series
from petbench_leaderboard.run_groups import REGIONS, column_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.board import Column
    from petbench_leaderboard.report.site.sources import RunFiles
    from petbench_leaderboard.score_records import ScoreRow

_AGREEMENT = "organ_suvmean_bias"  # the metric of organs of which there are charts


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with what it says in words, for those who do not see it."""

    name: str
    title: str
    description: str
    item: dict[str, Any]


def run_charts(files: RunFiles, scores: Sequence[ScoreRow], identity: Mapping[tuple[str, str], float]) -> list[Chart]:
    """Return the charts of a run.

    Args:
        files: what its folder holds.
        scores: of one protocol.
        identity: by metric and participant, what the early image itself scores.
    """
    return [*_training(files), *_participants(scores, identity), *_organs(scores)]


def _training(files: RunFiles) -> list[Chart]:
    found = []
    for kind, (title, _, _) in KINDS.items():
        series = training_series(files.events, kind)
        if series:
            item = charts.curves(series, "value", title)
            last = ", ".join(f"{one} {values[-1]:.3g}" for one, (_, values) in series.items())
            name = "step" if kind == "losses" else kind
            found.append(Chart(name=name, title=title, description=f"Last values: {last}.", item=item))
    return found


def _participants(scores: Sequence[ScoreRow], identity: Mapping[tuple[str, str], float]) -> list[Chart]:
    """Return a chart of every metric of the whole image that tables show; of one label, only of the first."""
    by_column: dict[Column, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        if score.participant and score.region in REGIONS and score.value is not None:
            by_column[column_of(score)].append(score)
    shown = sorted(
        (column for column in by_column if column.facts.shown), key=lambda column: (column.facts.place, column)
    )
    first = {written.label(column): column for column in reversed(shown)}
    return [_every_participant(column, by_column[column], identity) for column in shown if column in first.values()]


def _every_participant(column: Column, scores: Sequence[ScoreRow], identity: Mapping[tuple[str, str], float]) -> Chart:
    names, values = [str(score.participant) for score in scores], [float(score.value or 0.0) for score in scores]
    others = [identity.get((column.metric, name)) for name in names]
    title = written.heading(column)
    of_people: dict[str, list[float]] = defaultdict(list)
    for name, found in zip(names, values, strict=True):
        of_people[person_of(name)].append(found)
    whole = fmean(fmean(sessions) for sessions in of_people.values())  # the board's mean: a person counts once
    mean = f"{written.value(column, whole)} {formatting.plain_unit(column.unit)}".rstrip()
    return Chart(
        name=column.metric,
        title=title,
        description=f"{formatting.counted(len(of_people), 'participant')}, mean {mean}.",
        item=charts.dots(names, values, others, title, column.facts.decimals),
    )


def _organs(scores: Sequence[ScoreRow]) -> list[Chart]:
    some = [s for s in scores if s.metric == _AGREEMENT and s.participant and s.value is not None]
    if not some:
        return []
    unit = some[0].unit
    decimals = column_of(some[0]).facts.decimals
    names, values = [s.region.replace("_", " ") for s in some], [float(s.value or 0.0) for s in some]
    people = [str(s.participant) for s in some]
    worst = max(zip(names, values, strict=True), key=lambda pair: abs(pair[1]))
    words = f"The largest difference is {formatting.number(worst[1], decimals, sign=True)} {unit}, in {worst[0]}."
    item = charts.organs(names, values, people, unit, decimals)
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
