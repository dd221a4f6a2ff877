"""Copy runs from one leaderboard to another: directly, or through a file of one run a line."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from petbench_datasets.files import atomic_path
from petbench_datasets.progress import silent
from petbench_leaderboard import words_of_0_1
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_of_type
from petbench_leaderboard.metric_facts import MetricFacts, metrics_as_json, metrics_from_json
from petbench_leaderboard.migrations.metrics_0_1_0 import METRICS_OF_0_1_0
from petbench_leaderboard.records import ROLES, STATUSES, VERIFICATIONS, PhaseRow, RunRow
from petbench_leaderboard.run_queries import (
    AT_ONCE,
    Wanted,
    batches_of_runs,
    diffs_of_runs,
    phases_of_runs,
    scores_of_runs,
)
from petbench_leaderboard.score_records import ScoreRow, metrics_of
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from petbench_datasets.progress import Progress
    from petbench_leaderboard.readable import ReadableLeaderboard

FORMAT = "petbench runs 2"
FORMAT_OF_0_1 = "petbench runs 1"
_MOMENTS = {*fields_of_type(RunRow, datetime), "recorded_at"}
_TUPLES = fields_of_type(RunRow, tuple)
_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (RunRow, ScoreRow, PhaseRow)}


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
    """Copy every run of another leaderboard, which is only read; doing it again changes nothing.

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
    with Leaderboard.read(other) as source:
        return _merge_all(leaderboard, exported_runs(source), trusted=trusted)


def export_runs(
    leaderboard: ReadableLeaderboard, path: Path, *, where: str | None = None, progress: Progress = silent
) -> int:
    """Write runs with scores and phases as a file of JSON lines, wholly or not at all; return how many.

    Args:
        leaderboard: that has the runs.
        path: the file.
        where: only runs that fulfil this condition.
        progress: is given what is done: description, done, total.

    Raises:
        LeaderboardError: the condition is not understood.
    """
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"format": FORMAT}) + "\n")
        total = leaderboard.count(Wanted(where=where))
        for count, exported in enumerate(exported_runs(leaderboard, where=where), start=1):
            file.write(json.dumps(_as_json(exported), default=str) + "\n")
            if count % AT_ONCE == 0:
                progress("exporting runs", count, total)
    return count


def import_runs(leaderboard: Leaderboard, path: Path, *, trusted: bool = True) -> Transfer:
    """Copy the runs of a file that `export_runs` wrote; a broken file changes nothing.

    Args:
        leaderboard: that receives the runs.
        path: the file.
        trusted: as for `merge`.

    Raises:
        LeaderboardError: the file is missing or broken, with the line that is.
    """
    try:
        with _read_twice(path) as lines:
            for _ in _read(lines, path):
                pass  # the whole file is looked at before the first of its runs is stored
            lines.seek(0)
            return _merge_all(leaderboard, _read(lines, path), trusted=trusted)
    except OSError as error:
        raise LeaderboardError(f"{path} cannot be read: {error.strerror}") from error


def exported_runs(leaderboard: ReadableLeaderboard, *, where: str | None = None) -> Iterator[ExportedRun]:
    """Yield every run that fulfils the condition, oldest first, as they are at one moment; a few are in memory."""
    with leaderboard.reading() as session:
        for runs in batches_of_runs(session, Wanted(where=where), oldest_first=True):
            numbers = [run.id for run in runs]
            scores: dict[int, list[ScoreRow]] = {number: [] for number in numbers}
            for score in scores_of_runs(session, numbers):
                scores[score.run_id].append(score)
            phases: dict[int, list[PhaseRow]] = {number: [] for number in numbers}
            for phase in phases_of_runs(session, numbers):
                phases[phase.run_id].append(phase)
            diffs = diffs_of_runs(session, numbers)
            for run in runs:
                yield ExportedRun(run, scores[run.id], phases[run.id], diffs.get(run.id, ""))


def _as_json(exported: ExportedRun) -> dict[str, Any]:
    """Return a run as it stands in a file: what is shown of a metric stands once, not with every score."""
    return {
        "run": _plain(exported.run),
        "scores": [_plain(score) for score in exported.scores],
        "phases": [_plain(phase) for phase in exported.phases],
        "source_diff": exported.source_diff,
        "metrics": metrics_as_json(metrics_of(exported.scores)),
    }


def _plain(record: RunRow | ScoreRow | PhaseRow) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES[type(record)] if name != "facts"}


def _merge_all(leaderboard: Leaderboard, found: Iterable[ExportedRun], *, trusted: bool) -> Transfer:
    counts: Counter[str] = Counter()
    runs = (
        (
            exported.run if trusted else replace(exported.run, verification="self-reported"),
            exported.scores,
            exported.phases,
            exported.source_diff,
        )
        for exported in found
    )
    while some := list(islice(runs, AT_ONCE)):
        counts.update(leaderboard.merge_runs(some))
    return Transfer(new=counts["new"], more=counts["more"], known=counts["known"])


@contextlib.contextmanager
def _read_twice(path: Path) -> Iterator[IO[str]]:
    """Open a file that is read twice; what can be read only once, such as a pipe, is kept in a temporary file."""
    with path.open(encoding="utf-8") as file:
        if file.seekable():
            yield file
            return
        with tempfile.TemporaryFile("w+", encoding="utf-8") as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _read(lines: IO[str], path: Path) -> Iterator[ExportedRun]:
    number, old = 0, False
    try:
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
    return run


def _dated(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value is not None else value
        for name, value in facts.items()
    }
