"""Runs and scores from elsewhere, read strictly: every field known, typed and bounded, and stored by no other rule.

Submissions, files of runs, and other leaderboards all come through here; `petbench_leaderboard.storable` says what of
their values any output can carry.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)

from petbench_leaderboard import storable
from petbench_leaderboard.field_uses import Check, may_be_none, use_of
from petbench_leaderboard.metric_facts import MOST_DECIMALS
from petbench_leaderboard.records import MOST_VIEWS, Status, Verification
from petbench_leaderboard.validation_history import ValidationHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _storable(value: Any) -> Any:
    storable.check(value)
    return value


def _lines(text: str) -> str:
    return storable.check_text(text, lines=True)


def _history(facts: dict[str, Any]) -> dict[str, Any]:
    if facts:
        ValidationHistory.from_json(facts)
    return facts


def _tuning(facts: dict[str, Any]) -> dict[str, Any]:
    if facts:
        TuningFacts.model_validate(facts)
    return facts


def _moment(value: Any) -> Any:
    """Return a moment that JSON holds as a text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


_INTEGER = Field(ge=-storable.LARGEST_INTEGER, le=storable.LARGEST_INTEGER)

Number = Annotated[float, Field(ge=-storable.LARGEST_NUMBER, le=storable.LARGEST_NUMBER)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=0, le=2**62)]
Measured = Annotated[float, Field(ge=0, le=storable.LARGEST_NUMBER)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Participant = Annotated[str, Field(pattern=r"^sub-[A-Za-z0-9]{1,64}(_ses-[A-Za-z0-9]{1,64})?$")]
Text = Annotated[str, Field(max_length=300), AfterValidator(storable.check_text)]
Name = Annotated[Text, Field(min_length=1)]
Lines = Annotated[str, Field(max_length=4000), AfterValidator(_lines)]
Facts = Annotated[dict[Text, Any], AfterValidator(_storable)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_storable)]

CHECKS: Mapping[Check, Any] = {
    "digest": Digest,
    "slug": Slug,
    "text": Text,
    "lines": Lines,
    "dataset-name": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]*$", max_length=200)],
    "split-name": Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)],
    "device": Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]{1,3})?)$")],
    "ok": Literal["ok"],
    "index": Annotated[int, Field(ge=0, le=10_000)],
    "seed": Seed,
    "views": Annotated[int, Field(ge=1, le=MOST_VIEWS)],
    "count": Count,
    "measured": Measured,
    "number": Number,
    "flag": bool,
    "json": Facts,
    "history": Annotated[Facts, AfterValidator(_history)],
    "tuning": Annotated[Facts, AfterValidator(_tuning)],
    "moment": Moment,
    "participants": Annotated[list[Participant], Field(max_length=4000)],
    "some-participants": Annotated[list[Participant], Field(min_length=1, max_length=4000)],
}
"""How a value of a submission is checked, by the name that a field of a run gives to its check."""

IMPORT_CHECKS: Mapping[Check, Any] = {
    **CHECKS,
    "dataset-name": Text,  # one's own folder may be called as one likes
    "split-name": Text,
    "supervision": Slug,
    "device": Text,
    "precision": Text,
    "ok": Status,
    "verification": Verification,
    "seed": Annotated[int, _INTEGER],
    "some-participants": Annotated[list[Participant], Field(max_length=4000)],  # of 0.1.0, which noted nobody
}
"""The same for a run of another leaderboard, which may have failed, and was planned by anybody's rules for names."""


def model_of(
    name: str,
    fields: Iterable[dataclasses.Field[Any]],
    checks: Mapping[Check, Any],
    *,
    known: frozenset[str] | None = None,
) -> type[BaseModel]:
    """Return the strict model of some fields of a run; a field whose declared type lists its words may have no other.

    Args:
        name: of the model, for messages.
        fields: of a record.
        checks: by the names that fields give to their checks.
        known: fields that must be there; None for all.
    """
    types: dict[str, Any] = {}
    for field in fields:
        kind = _kind(field, checks)
        required = known is None or field.name in known
        default = {} if field.default is dataclasses.MISSING else field.default
        default = list(default) if isinstance(default, tuple) else default
        types[field.name] = (kind | None if may_be_none(field) else kind, ... if required else default)
    return create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **types)


def always_known(fields: Iterable[dataclasses.Field[Any]]) -> frozenset[str]:
    """Return the names of the fields that have no default."""
    missing = dataclasses.MISSING
    return frozenset(f.name for f in fields if f.default is missing and f.default_factory is missing)


def _kind(field: dataclasses.Field[Any], checks: Mapping[Check, Any]) -> Any:
    check = use_of(field).check
    assert check is not None, f"{field.name} comes from nowhere else"
    if check in checks and check != "text":
        return checks[check]
    words = [part for part in (field.type, *get_args(field.type)) if get_origin(part) is Literal]
    return words[0] if words else checks[check]


class TuningFacts(BaseModel):
    """How a search found a row's settings; see `petbench_leaderboard.tuning.Tuning`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trials: Count
    failed: Count
    images: Count
    seconds: Measured
    budget: Text
    seed: Seed


class ScoreFacts(BaseModel):
    """A score, as a submission or a file of runs holds it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    participant: Participant | None
    region: Name
    metric: Name
    convention_id: Name
    value: Number | None
    unit: Text
    higher_is_better: bool | None
    reason: Lines | None = None
    extra: Facts = {}


class ImportedScore(ScoreFacts):
    """A score in a file of runs: which run's, and by which rules."""

    run_id: Annotated[int, _INTEGER]
    protocol: Annotated[int, Field(ge=0, le=10_000)]


class ImportedPhase(BaseModel):
    """How long a phase of a run took."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run_id: Annotated[int, _INTEGER]
    phase: Text
    seconds: Number
    recorded_at: Moment


class ImportedMetric(BaseModel):
    """What is shown of a metric."""

    model_config = ConfigDict(extra="forbid", strict=True)

    metric: Name
    convention_id: Name
    label: Text
    detail: Text
    summary: Lines
    decimals: Annotated[int, Field(ge=0, le=MOST_DECIMALS)]
    best_value: Number | None
    shown: bool
    place: Annotated[int, Field(ge=-(2**31), lt=2**31)]


SCORES = TypeAdapter(list[ScoreFacts])
IMPORTED_SCORES = TypeAdapter(list[ImportedScore])
IMPORTED_PHASES = TypeAdapter(list[ImportedPhase])
IMPORTED_METRICS = TypeAdapter(list[ImportedMetric])


def first_problem(error: ValidationError) -> str:
    """Return in one line which field is wrong, and how."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"]) or "it"
    return storable.plain(" ".join(f"{where!r}: {first['msg']}".split()))[:300]
