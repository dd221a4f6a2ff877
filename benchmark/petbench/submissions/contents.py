"""What a submission says of a run, read strictly: every field known, typed and bounded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

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
from petbench_leaderboard.records import EXTERNAL, ORACLE, ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_leaderboard.records import RunRow

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Participant = Annotated[str, Field(pattern=r"^sub-[A-Za-z0-9]{1,64}$")]
Text = Annotated[str, Field(max_length=300)]
Count = Annotated[int, Field(ge=0, le=2**62)]
Measured = Annotated[FiniteFloat, Field(ge=0)]

#: Of a plan's fields, the one that says where the dataset is on the submitter's machine.
LEFT_OUT = frozenset({"dataset_folder"})


#: What a field of a record may hold, by its type: everything is bounded, so that a new field is too.
_BOUNDED: dict[str, Any] = {
    "str": Text,
    "str | None": Text | None,
    "int": Annotated[int, Field(ge=0, le=10_000)],
    "bool": bool,
    "bool | None": bool | None,
    "float | None": float | None,
    "Budget": Text,
    "Compile": Text,
    "Precision": Text,
    "Mapping[str, Any]": dict[Text, JsonValue],
    "Mapping[str, object]": dict[Text, JsonValue],
    "tuple[str, ...]": Annotated[list[Participant], Field(max_length=4000)],
}

_SUPERVISIONS = "|".join((*get_args(Supervision), EXTERNAL, ORACLE))

#: Fields of a plan that are more than their type.
_PLAN: dict[str, Any] = {
    "method": Slug,
    "source_hash": Digest,
    "supervision": Annotated[str, Field(pattern=f"^({_SUPERVISIONS})$")],
    "dataset": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$", max_length=200)],
    "fingerprint": Digest,
    "split": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)],
    "split_digest": Digest,
    "test_participants": Annotated[list[Participant], Field(min_length=1, max_length=4000)],
    "seed": Annotated[int, Field(ge=0, lt=2**32)],
}

#: Fields of a score that are more than their type.
_SCORE: dict[str, Any] = {
    "participant": Participant | None,
    "reason": Annotated[str, Field(max_length=4000)] | None,
}


def _model_of(record: type[Any], narrower: dict[str, Any], left_out: frozenset[str] = frozenset()) -> type[BaseModel]:
    """Return what reads a record from JSON: its fields, each of its type and bounded, and no others."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        if field.name not in left_out:
            kind = narrower.get(field.name) or _BOUNDED[str(field.type)]
            default: Any = ... if field.default is dataclasses.MISSING else field.default
            if field.default_factory is not dataclasses.MISSING:
                default = Field(default_factory=field.default_factory)
            fields[field.name] = (kind, default)
    model: type[BaseModel] = create_model(record.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)
    return model


class RunFacts(BaseModel):
    """What is said of a run beside its plan; none of it is checked, and all of it is shown as said."""

    model_config = ConfigDict(extra="forbid")

    identity: Digest
    uid: Text
    status: Literal["ok"]
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    device: Text | None = None
    machine: dict[Text, JsonValue] = {}
    environment: dict[Text, JsonValue] = {}
    images_seen: Count | None = None
    train_seconds: Measured | None = None
    images_per_second: Measured | None = None
    seconds_per_volume: Measured | None = None
    peak_memory_bytes: Count | None = None
    peak_device_memory_bytes: Count | None = None
    parameter_count: Count | None = None


_PLAN_MODEL = _model_of(RunPlan, _PLAN, LEFT_OUT)
_SCORE_MODEL: Any = _model_of(ScoreRecord, _SCORE)
_SCORES: TypeAdapter[list[BaseModel]] = TypeAdapter(list[_SCORE_MODEL])
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SubmittedRun:
    """One run of a submission: its folder there, its plan (without a dataset's folder), facts, self-reported scores."""

    folder: str
    plan: RunPlan
    facts: RunFacts
    scores: tuple[ScoreRecord, ...]


def plan_facts(plan: RunPlan) -> dict[str, Any]:
    """Return a plan as a submission holds it."""
    return {name: value for name, value in plan.to_dict().items() if name not in LEFT_OUT}


def run_facts(row: RunRow) -> dict[str, Any]:
    """Return a row's facts as a submission holds them."""
    values = {name: getattr(row, name) for name in RunFacts.model_fields}
    return RunFacts.model_validate(values).model_dump(mode="json")


def score_facts(scores: Iterable[ScoreRecord]) -> list[dict[str, Any]]:
    """Return scores as a submission holds them."""
    names = [field.name for field in dataclasses.fields(ScoreRecord)]
    return [{name: _plain(getattr(score, name)) for name in names} for score in scores]


def parse_plan(value: Any, name: str) -> RunPlan:
    """Return the plan that a submission holds.

    Raises:
        SubmissionError: a field is missing, unknown, or of the wrong type or range.
    """
    known = {field.name for field in dataclasses.fields(RunPlan)} - LEFT_OUT
    if not isinstance(value, dict) or set(value) != known:
        odd = min(set(value) ^ known) if isinstance(value, dict) else "an object"
        raise SubmissionError(f"{name}: {odd!r} is missing or unknown; was it made by another version of petbench?")
    facts = _validated(_PLAN_MODEL, value, name).model_dump()
    try:
        budget = parse_budget(facts["budget"])
    except UsageError as error:
        raise SubmissionError(f"{name}: {error}") from None
    participants = {key: tuple(facts[key]) for key in ("test_participants", "split_participants")}
    return RunPlan(**facts | participants | {"budget": budget} | dict.fromkeys(LEFT_OUT, ""))


def parse_run(value: Any, name: str) -> RunFacts:
    """Return the facts that a submission holds of a run."""
    return _validated(RunFacts, value, name)


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
