"""What a submission says of a run, read strictly: every field known, typed and bounded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    TypeAdapter,
    ValidationError,
    create_model,
)

from petbench.contract import Supervision
from petbench.errors import UsageError
from petbench.plans.run_plan import RunPlan, parse_budget
from petbench.submissions.limits import SubmissionError
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import Check, fields_of_type, may_be_none, use_of
from petbench_leaderboard.records import PlannedRun, Role, RunRow
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Participant = Annotated[str, Field(pattern=r"^sub-[A-Za-z0-9]{1,64}$")]
Text = Annotated[str, Field(max_length=300)]

_CHECKS: dict[Check, Any] = {
    "digest": Digest,
    "slug": Slug,
    "text": Text,
    "dataset-name": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$", max_length=200)],
    "split-name": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)],
    "supervision": Literal[Supervision, "external"],
    "role": Role,
    "ok": Literal["ok"],
    "index": Annotated[int, Field(ge=0, le=10_000)],
    "seed": Annotated[int, Field(ge=0, lt=2**32)],
    "count": Annotated[int, Field(ge=0, le=2**62)],
    "measured": Annotated[FiniteFloat, Field(ge=0)],
    "number": FiniteFloat,
    "flag": bool,
    "json": dict[Text, JsonValue],
    "moment": AwareDatetime,
    "participants": Annotated[list[Participant], Field(max_length=4000)],
    "some-participants": Annotated[list[Participant], Field(min_length=1, max_length=4000)],
}
"""How a value is checked, by the name that a field of a run gives to its check."""


def _checked(record: type) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(record) if use_of(field).check]


def _model(fields: Iterable[dataclasses.Field[Any]], *, complete: bool, strict: bool) -> type[BaseModel]:
    """Return the model of some fields of a run; a field with a default may be missing unless all must be there."""
    types: dict[str, Any] = {}
    for field in fields:
        check = use_of(field).check
        assert check is not None, f"{field.name} is no field of a submission"
        kind = _CHECKS[check] | None if may_be_none(field) else _CHECKS[check]
        optional = not complete and field.name not in _ALWAYS_KNOWN
        types[field.name] = (kind, ({} if check == "json" else None) if optional else ...)
    return create_model("RunFacts", __config__=ConfigDict(extra="forbid", strict=strict), **types)


_PLAN_FIELDS = _checked(RunPlan)
_RUN_FIELDS = [
    field
    for field in _checked(RunRow)
    if field.name not in {each.name for each in _PLAN_FIELDS} or "change" in use_of(field).purposes
]
_ALWAYS_KNOWN = {
    field.name
    for field in _RUN_FIELDS
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
}
_PLAN = _model(_PLAN_FIELDS, complete=True, strict=True)
_RUN = _model(_RUN_FIELDS, complete=False, strict=False)


class _ScoreFacts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    participant: Participant | None
    region: Text
    metric: Text
    convention_id: Text
    value: float | None
    unit: Text
    higher_is_better: bool | None
    reason: Annotated[str, Field(max_length=4000)] | None = None
    extra: dict[Text, JsonValue] = {}


_SCORES = TypeAdapter(list[_ScoreFacts])
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
    values = {field.name: getattr(row, field.name) for field in _RUN_FIELDS}
    return _RUN.model_validate(values).model_dump(mode="json")


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
    if not isinstance(value, dict) or set(value) != known:
        odd = min(set(value) ^ known) if isinstance(value, dict) else "an object"
        raise SubmissionError(f"{name}: {odd!r} is missing or unknown; was it made by another version of petbench?")
    facts = _validated(_PLAN, value, name).model_dump()
    try:
        parse_budget(facts["budget"])
    except UsageError as error:
        raise SubmissionError(f"{name}: {error}") from None
    return RunPlan(**facts | {key: tuple(facts[key]) for key in fields_of_type(RunPlan, tuple)}, dataset_folder="")


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
        records = tuple(ScoreRecord(**facts.model_dump()) for facts in _SCORES.validate_python(value))
    except ValidationError as error:
        raise SubmissionError(f"{name}: {_first(error)}") from None
    except LeaderboardError as error:
        raise SubmissionError(f"{name}: {error}") from None
    if len({(score.metric, score.convention_id, score.region, score.participant) for score in records}) < len(records):
        raise SubmissionError(f"{name}: one score is given twice")
    return records


def _validated(model: type[Model], value: Any, name: str) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise SubmissionError(f"{name}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part)[:60] for part in first["loc"]) or "it"
    return " ".join(f"{where!r}: {first['msg']}".split())[:300]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return dict(value) if hasattr(value, "items") else value
