"""What a submission says of a run, read strictly: every field known, typed and bounded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from petbench.contract import Supervision
from petbench.engine_settings import Compile, Precision
from petbench.errors import UsageError
from petbench.plans.run_plan import RunPlan, parse_budget
from petbench.submissions.limits import SubmissionError
from petbench_leaderboard.board_tasks import check_definition
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_of_type, use_of
from petbench_leaderboard.records import ADDED_LATER, PlannedRun, RunRow
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.strict_records import CHECKS, SCORES, always_known, first_problem, model_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHECKS = {
    **CHECKS,
    "supervision": Literal[Supervision, "external"],
    "precision": Precision,
    "compile": Compile,
}
"""With the words that only the harness knows."""


def _submitted(record: type) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(record) if use_of(field).check and use_of(field).submitted]


_PLAN_FIELDS = _submitted(RunPlan)
_RUN_FIELDS = [
    field
    for field in _submitted(RunRow)
    if field.name not in {each.name for each in _PLAN_FIELDS} or "change" in use_of(field).purposes
]
_PLAN = model_of("Plan", _PLAN_FIELDS, _CHECKS)
_RUN = model_of("Run", _RUN_FIELDS, _CHECKS, known=always_known(_RUN_FIELDS))
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SubmittedRun:
    """One run of a submission, as the submitter reports it.

    Attributes:
        folder: of the run in the archive.
        plan: without the dataset's folder.
        facts: the submitter's row, without a number; none of it is checked, and all of it is shown as reported.
        scores: self-reported.
    """

    folder: str
    plan: RunPlan
    facts: RunRow
    scores: tuple[ScoreRecord, ...]


def plan_facts(plan: RunPlan) -> dict[str, Any]:
    """Return a plan as a submission holds it."""
    facts = plan.to_dict()
    return {field.name: facts[field.name] for field in _PLAN_FIELDS}


def run_facts(row: RunRow) -> dict[str, Any]:
    """Return a row's facts as a submission holds them."""
    values = {field.name: _plain(getattr(row, field.name)) for field in _RUN_FIELDS}
    return _validated(_RUN, values, f"run {row.id}").model_dump(mode="json")


def score_facts(scores: Iterable[ScoreRecord]) -> list[dict[str, Any]]:
    """Return scores as a submission holds them; how a metric is shown is for the organizer's own petbench to say."""
    names = [field.name for field in dataclasses.fields(ScoreRecord) if field.name != "facts"]
    return [{name: _plain(getattr(score, name)) for name in names} for score in scores]


def parse_plan(value: Any, name: str) -> RunPlan:
    """Return the plan that a submission holds.

    Raises:
        SubmissionError: a field is missing, unknown, or of the wrong type or range.
    """
    known = {field.name for field in _PLAN_FIELDS}
    if isinstance(value, dict):  # one that was packed before these fields were there is one of their first values
        value = {**ADDED_LATER, "task_definition": {}, **value}
    if not isinstance(value, dict) or set(value) != known:
        odd = min(set(value) ^ known) if isinstance(value, dict) else "an object"
        raise SubmissionError(f"{name}: {odd!r} is missing or unknown; was it made by another version of petbench?")
    facts = _validated(_PLAN, value, name).model_dump()
    try:
        written = str(parse_budget(facts["budget"]))
    except UsageError as error:
        raise SubmissionError(f"{name}: {error}") from None
    if written != facts["budget"]:
        raise SubmissionError(f"{name}: the budget {facts['budget']!r} is written {written}")
    plan = RunPlan(**facts | {key: tuple(facts[key]) for key in fields_of_type(RunPlan, tuple)}, dataset_folder="")
    try:
        check_definition(plan)
    except ValueError as error:
        raise SubmissionError(f"{name}: {error}") from None
    return plan


def parse_run(value: Any, name: str, plan: RunPlan) -> RunRow:
    """Return the row that a submission reports of a run with a plan; it has no number.

    Raises:
        SubmissionError: a field is missing, unknown, or of the wrong type or range.
    """
    planned = {field.name: getattr(plan, field.name) for field in dataclasses.fields(PlannedRun)}
    facts = _validated(_RUN, value, name).model_dump()
    return RunRow(**planned | facts, id=0, verification="self-reported")


def parse_scores(value: Any, name: str) -> tuple[ScoreRecord, ...]:
    """Return the self-reported scores that a submission holds.

    Raises:
        SubmissionError: one is malformed, empty without a reason, or there twice.
    """
    try:
        records = tuple(ScoreRecord(**facts.model_dump()) for facts in SCORES.validate_python(value))
    except ValidationError as error:
        raise SubmissionError(f"{name}: {first_problem(error)}") from None
    except LeaderboardError as error:
        raise SubmissionError(f"{name}: {error}") from None
    if len({(score.metric, score.convention_id, score.region, score.participant) for score in records}) < len(records):
        raise SubmissionError(f"{name}: one score is given twice")
    return records


def _validated(model: type[Model], value: Any, name: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise SubmissionError(f"{name}: {first_problem(error)}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if hasattr(value, "items") else value
