"""A run with all that belongs to it, as one leaderboard gives it to another: as a line of a file, or directly.

Whichever way it comes, it is stored as `petbench_leaderboard.strict_records` allows, or not at all.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from petbench_leaderboard import strict_json, words_of_0_1
from petbench_leaderboard.board_tasks import check_definition
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_of_type
from petbench_leaderboard.metric_facts import MetricFacts, metrics_as_json, metrics_from_json
from petbench_leaderboard.migrations.metrics_0_1_0 import METRICS_OF_0_1_0
from petbench_leaderboard.phase_rows import PhaseRow
from petbench_leaderboard.records import SUBMISSION, RunRow
from petbench_leaderboard.rows import columns_of
from petbench_leaderboard.score_records import ScoreRow, metrics_of
from petbench_leaderboard.storable import carried
from petbench_leaderboard.strict_records import (
    IMPORT_CHECKS,
    IMPORTED_METRICS,
    IMPORTED_PHASES,
    IMPORTED_SCORES,
    always_known,
    first_problem,
    model_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_leaderboard.metric_facts import MetricKey

_FIELDS = dataclasses.fields(RunRow)
_RUN = model_of("Run", _FIELDS, IMPORT_CHECKS, known=always_known(_FIELDS))
_WORDS_OF_0_1 = ("method", "supervision", "verification")
_NAMES = {kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in (RunRow, ScoreRow, PhaseRow)}
_TUPLES = fields_of_type(RunRow, tuple)


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """A run with all that belongs to it; `validation` are its scores on validation participants."""

    run: RunRow
    scores: Sequence[ScoreRow]
    phases: Sequence[PhaseRow]
    source_diff: str = ""
    validation: Sequence[ScoreRow] = ()


def as_json(exported: ExportedRun) -> dict[str, Any]:
    """Return a run as it stands in a file: what is shown of a metric stands once, not with every score."""
    return {
        "run": _plain(exported.run),
        "scores": [_plain(score) for score in exported.scores],
        "validation_scores": [_plain(score) for score in exported.validation],
        "phases": [_plain(phase) for phase in exported.phases],
        "source_diff": carried(exported.source_diff),
        "metrics": metrics_as_json(metrics_of([*exported.scores, *exported.validation])),
    }


def _plain(record: RunRow | ScoreRow | PhaseRow) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES[type(record)] if name != "facts"}


def parse_line(line: bytes, *, old: bool) -> ExportedRun:
    """Return the run that a line of a file holds.

    Args:
        line: one JSON object.
        old: whether petbench 0.1.0 wrote it.

    Raises:
        ValueError: what is wrong with it, in a few words.
    """
    facts = strict_json.parse(line)
    if not isinstance(facts, dict) or not isinstance(facts.get("run"), dict):
        raise ValueError("it holds no run")  # noqa: TRY004 - of a file
    run = facts["run"]
    if old:
        if not all(isinstance(run.get(name), str) for name in _WORDS_OF_0_1):
            raise ValueError(f"its run lacks one of {', '.join(_WORDS_OF_0_1)}")
        run = words_of_0_1.converted(run)
    known = {field.name for field in _FIELDS}
    run = {name: value for name, value in run.items() if name in known}
    return _checked(run, facts)


def checked(exported: ExportedRun) -> ExportedRun:
    """Return a run of another database once it was checked as a line of a file is.

    Raises:
        ValueError: what is wrong with it, in a few words.
    """
    return _checked(columns_of(exported.run), as_json(exported) | {"source_diff": exported.source_diff})


def _checked(run: dict[str, Any], facts: Mapping[str, Any]) -> ExportedRun:
    """Return a run and what a file says of it; of validation a file of an earlier version says nothing."""
    diff = facts.get("source_diff", "")
    if not isinstance(diff, str):
        raise ValueError("'source_diff' is no text")  # noqa: TRY004 - of a file
    try:
        found = _RUN.model_validate(run).model_dump()
        of_test, of_validation = (
            [score.model_dump() for score in IMPORTED_SCORES.validate_python(scores)]
            for scores in (facts.get("scores"), facts.get("validation_scores", []))
        )
        lasting = [phase.model_dump() for phase in IMPORTED_PHASES.validate_python(facts.get("phases"))]
        shown = _facts([*of_test, *of_validation], facts.get("metrics"))
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None
    except LeaderboardError as error:
        raise ValueError(str(error)) from None
    row = RunRow(**found | {name: tuple(found[name]) for name in _TUPLES})
    check_definition(row)
    if row.verification == "rescored" and SUBMISSION not in row.machine:
        row = dataclasses.replace(row, verification="own")  # what petbench called its own rows until they had a word
    return ExportedRun(
        row,
        _scores(of_test, shown),
        [PhaseRow(**phase) for phase in lasting],
        carried(diff),
        _scores(of_validation, shown),
    )


def _scores(found: list[dict[str, Any]], shown: Mapping[MetricKey, MetricFacts]) -> list[ScoreRow]:
    keys = {(s["protocol"], s["metric"], s["convention_id"], s["region"], s["participant"]) for s in found}
    if len(keys) < len(found):
        raise ValueError("one score is given twice")
    try:
        return [ScoreRow(**score, facts=shown.get((score["metric"], score["convention_id"]))) for score in found]
    except LeaderboardError as error:
        raise ValueError(str(error)) from None


def _facts(scores: list[dict[str, Any]], metrics: Any) -> dict[tuple[str, str], MetricFacts]:
    """Return what a file says of its metrics; one of 0.1.0 says nothing, but its own are known."""
    if metrics is not None:
        return metrics_from_json(metric.model_dump() for metric in IMPORTED_METRICS.validate_python(metrics))
    return {
        (score["metric"], score["convention_id"]): MetricFacts(**METRICS_OF_0_1_0[score["metric"]])
        for score in scores
        if score["metric"] in METRICS_OF_0_1_0
    }
