"""Copy runs from one leaderboard to another: directly, or through a file of one run a line."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench_datasets.files import write_text
from petbench_leaderboard import words_of_0_1
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_of_type
from petbench_leaderboard.metric_facts import MetricFacts, metrics_as_json, metrics_from_json
from petbench_leaderboard.migrations.metrics_0_1_0 import METRICS_OF_0_1_0
from petbench_leaderboard.records import ROLES, STATUSES, VERIFICATIONS, PhaseRow, RunRow
from petbench_leaderboard.score_records import ScoreRow, metrics_of
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.validation_history import ValidationHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = "petbench runs 2"
FORMAT_OF_0_1 = "petbench runs 1"
_MOMENTS = {*fields_of_type(RunRow, datetime), "recorded_at"}
_TUPLES = fields_of_type(RunRow, tuple)
_RUNS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A run with all that belongs to it."""

    run: RunRow
    scores: list[ScoreRow]
    phases: list[PhaseRow]
    source_diff: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How many runs were new, were here but have got something added, and were known in full."""

    new: int
    more: int
    known: int


def merge(leaderboard: Leaderboard, other: str | Path, *, trusted: bool = True) -> Transfer:
    """Copy every run of another leaderboard; doing it again changes nothing.

    Runs are distinguished by their uid, which they keep wherever they are merged. Two runs of one identity, made on
    two machines, both stay and count once in the ranking.

    Args:
        leaderboard: that receives the runs.
        other: a file or a database's URL.
        trusted: whether rows keep their verification, and replace the same runs that are only self-reported here;
            otherwise they become `self-reported`, since nobody here has verified them.

    Raises:
        LeaderboardError: the other is missing or no leaderboard.
    """
    if isinstance(other, Path) or "://" not in other:
        path = Path(other)
        if not path.is_file():
            raise LeaderboardError(f"there is no leaderboard at {path}: name the file of another leaderboard")
    with Leaderboard.open(other) as source:
        return _merge_all(leaderboard, exported_runs(source), trusted=trusted)


def export_runs(leaderboard: Leaderboard, path: Path, *, where: str | None = None) -> int:
    """Write runs with scores and phases as a file of JSON lines, wholly or not at all; return how many."""
    lines = [json.dumps({"format": FORMAT})]
    lines += [json.dumps(_as_json(exported), default=str) for exported in exported_runs(leaderboard, where=where)]
    write_text(path, "\n".join(lines) + "\n")
    return len(lines) - 1


def import_runs(leaderboard: Leaderboard, path: Path, *, trusted: bool = True) -> Transfer:
    """Copy the runs of a file that `export_runs` wrote; a broken file changes nothing.

    Args:
        leaderboard: that receives the runs.
        path: the file.
        trusted: as for `merge`.

    Raises:
        LeaderboardError: the file is missing or broken, with the line that is.
    """
    return _merge_all(leaderboard, list(_read(path)), trusted=trusted)


def exported_runs(leaderboard: Leaderboard, *, where: str | None = None) -> Iterator[ExportedRun]:
    """Yield every run that fulfils the condition, oldest first, a few at a time in memory."""
    numbers = [run.id for run in reversed(leaderboard.runs(where=where))]
    for start in range(0, len(numbers), _RUNS_AT_ONCE):
        some = numbers[start : start + _RUNS_AT_ONCE]
        scores: dict[int, list[ScoreRow]] = {number: [] for number in some}
        for score in leaderboard.scores(some):
            scores[score.run_id].append(score)
        for number in some:
            yield ExportedRun(
                leaderboard.run(number), scores[number], leaderboard.phases(number), leaderboard.source_diff(number)
            )


def _as_json(exported: ExportedRun) -> dict[str, Any]:
    """Return a run as it stands in a file: what is shown of a metric stands once, not with every score."""
    facts = asdict(exported) | {"metrics": metrics_as_json(metrics_of(exported.scores))}
    for score in facts["scores"]:
        del score["facts"]
    return facts


def _merge_all(leaderboard: Leaderboard, found: Iterable[ExportedRun], *, trusted: bool) -> Transfer:
    counts = Counter(
        leaderboard.merge_run(
            exported.run if trusted else replace(exported.run, verification="self-reported"),
            exported.scores,
            exported.phases,
            source_diff=exported.source_diff,
        )
        for exported in found
    )
    return Transfer(new=counts["new"], more=counts["more"], known=counts["known"])


def _read(path: Path) -> Iterator[ExportedRun]:
    number, old = 0, False
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                facts = json.loads(line)
                if number == 1:
                    old = facts.get("format") == FORMAT_OF_0_1
                    if not old and facts.get("format") != FORMAT:
                        raise LeaderboardError(f"{path} is no file of runs that this petbench knows")
                    continue
                yield ExportedRun(
                    run=_run(words_of_0_1.converted(facts["run"]) if old else facts["run"]),
                    scores=_scores(facts["scores"], facts.get("metrics")),
                    phases=[PhaseRow(**_dated(phase)) for phase in facts["phases"]],
                    source_diff=str(facts.get("source_diff", "")),
                )
    except OSError as error:
        raise LeaderboardError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LeaderboardError(f"{path}, line {number}, is broken ({error}): export the runs again") from error
    if number == 0:
        raise LeaderboardError(f"{path} is empty: export the runs again")


def _scores(found: list[dict[str, Any]], metrics: list[dict[str, Any]] | None) -> list[ScoreRow]:
    """Return scores with what the file says of their metrics; a file of 0.1.0 says nothing, but its own are known."""
    if metrics is None:
        old = {score["metric"] for score in found} & METRICS_OF_0_1_0.keys()
        known = {metric: MetricFacts(**METRICS_OF_0_1_0[metric]) for metric in old}
        return [ScoreRow(**score, facts=known.get(score["metric"])) for score in found]
    described = metrics_from_json(metrics)
    return [ScoreRow(**score, facts=described.get((score["metric"], score["convention_id"]))) for score in found]


def _run(facts: dict[str, Any]) -> RunRow:
    known = {field.name for field in fields(RunRow)}
    run = RunRow(
        **{name: value for name, value in _dated(facts).items() if name in known}
        | {name: tuple(facts[name]) for name in _TUPLES}
    )
    if run.status not in STATUSES or run.verification not in VERIFICATIONS or run.role not in ROLES:
        raise ValueError(f"{run.status}, {run.verification}, {run.role}: no such status, verification or role")
    if run.validation_history:
        ValidationHistory.from_json(run.validation_history)
    return run


def _dated(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value is not None else value
        for name, value in facts.items()
    }
