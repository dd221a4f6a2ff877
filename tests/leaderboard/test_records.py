"""One record of a run: whatever lists its fields reads them from there."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
import sqlalchemy as sa

from petbench.plans.run_plan import IDENTITY_FIELDS, RunPlan
from petbench.submissions import contents
from petbench.submissions.limits import SubmissionError
from petbench_leaderboard.board import Costs
from petbench_leaderboard.field_uses import may_be_none, use, use_of, value_type
from petbench_leaderboard.records import COST_FIELDS, GROUP_FIELDS, PlannedRun, RunRecord, RunRow
from petbench_leaderboard.run_changes import RunChanges
from petbench_leaderboard.schema import Run, UtcDateTime
from petbench_leaderboard.where_sql import DATES, NUMBERS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.leaderboard.conftest import MakeRecord

    from petbench_leaderboard.store import Leaderboard

FIELDS = dataclasses.fields(RunRow)
ONLY_IN_THE_DATABASE = {"run_group", "on_board"}
ONLY_IN_THE_PLAN = {
    "dataset_folder", "compile", "cuda_graphs", "deterministic", "source_files", "parameter_files", "reconstruction",
    "declined", "given_split", "processes",
}  # fmt: skip


def names_with(purpose: str) -> set[str]:
    return {field.name for field in FIELDS if purpose in use_of(field).purposes}


@pytest.mark.parametrize("record", [PlannedRun, RunRecord, RunRow])
def test_every_field_is_explained_where_it_is_declared(record: type) -> None:
    own = [name for name in inspect.get_annotations(record) if not name.startswith("_")]
    explained = re.findall(r"^ {4}(\w+): ", inspect.getdoc(record) or "", re.MULTILINE)
    assert explained == own


def test_a_run_has_one_column_for_each_field_of_its_type() -> None:
    columns = {column.name: column for column in Run.__table__.columns}
    assert columns.keys() - ONLY_IN_THE_DATABASE == {field.name for field in FIELDS}
    stored_as = {str: sa.String, int: sa.Integer, float: sa.Float, datetime: UtcDateTime, bool: sa.Boolean}
    for field in FIELDS:
        column = columns[field.name]
        assert column.nullable == may_be_none(field), field.name
        assert isinstance(column.type, stored_as.get(value_type(field), sa.JSON)), field.name


def test_a_plan_holds_what_is_planned_and_what_its_own_machine_needs() -> None:
    planned = {field.name for field in dataclasses.fields(PlannedRun)}
    assert {field.name for field in dataclasses.fields(RunPlan)} == planned | ONLY_IN_THE_PLAN
    of_the_record = {field.name: use_of(field) for field in FIELDS}
    narrowed = [field for field in dataclasses.fields(RunPlan) if field.name in planned]
    assert [field.name for field in narrowed if use_of(field) != of_the_record[field.name]] == []


def test_identity_and_row_are_made_of_the_fields_that_say_so() -> None:
    assert set(IDENTITY_FIELDS) == names_with("identity")
    assert set(GROUP_FIELDS) == names_with("group")
    assert names_with("identity") - names_with("group") == {"fold", "seed"}


def test_what_may_change_has_the_types_of_the_record() -> None:
    assert get_type_hints(RunChanges) == {name: get_type_hints(RunRow)[name] for name in names_with("change")}


def test_a_row_averages_the_costs_of_its_runs() -> None:
    assert {field.name for field in dataclasses.fields(Costs)} == set(COST_FIELDS) == names_with("cost")


def test_conditions_compare_each_field_by_its_type() -> None:
    kinds = {name: kind for kind, names in ((str, TEXTS), (int, NUMBERS), (datetime, DATES)) for name in names}
    of_type = {field.name: value_type(field) for field in FIELDS}
    assert {name: int if of_type[name] is float else of_type[name] for name in kinds} == kinds
    unfiltered = {name for name, kind in of_type.items() if kind in (str, int, float, datetime)} - kinds.keys()
    assert unfiltered == {"source_hash", "split_digest", "error_message", "log_path"}


def test_a_stored_run_comes_back_with_every_field(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    run_id = leaderboard.plan(make_record(test_participants=("sub-01",)))
    changes: Any = {name: value for name, value in _values().items() if name in names_with("change")}
    leaderboard.update(run_id, **changes)
    row = leaderboard.run(run_id)
    assert {name: getattr(row, name) for name in changes} == changes


def _values() -> dict[str, Any]:
    """Return a value of its type for every field, as unlike its default as can be."""
    plain = {int: 7, float: 0.1, datetime: datetime(2026, 1, 2, tzinfo=UTC), tuple: ("sub-01",), bool: True}
    checked = {
        "slug": "mine",
        "digest": "a" * 64,
        "supervision": "paired",
        "role": "reference",
        "ok": "ok",
        "device": "cuda:1",
        "precision": "bf16",
        "purpose": "trial",
    }
    found: dict[str, Any] = {}
    for field in FIELDS:
        kind, check = value_type(field), use_of(field).check
        found[field.name] = checked.get(str(check), plain.get(kind, "text" if kind is str else {"a": 1}))
    tuning = {"trials": 7, "failed": 0, "images": 70, "seconds": 0.1, "budget": "images=7", "seed": 0}
    return found | {"verification": "reproduced", "budget": "images=7", "tuning": tuning}


def _submitted() -> tuple[RunPlan, RunRow]:
    values = _values()
    values["purpose"] = "test"  # nothing else can be submitted
    values["keep_samples"] = 0  # they stay with the submitter
    planned = {field.name: values[field.name] for field in dataclasses.fields(PlannedRun)}
    plan = RunPlan(**planned, dataset_folder="/secret", compile="off", deterministic=True)
    return plan, RunRow(**values)


def test_a_submission_brings_every_field_that_it_may_hold() -> None:
    plan, row = _submitted()
    plan_facts = json.loads(json.dumps(contents.plan_facts(plan)))
    run_facts = json.loads(json.dumps(contents.run_facts(row)))
    assert "/secret" not in json.dumps(plan_facts)
    read = contents.parse_plan(plan_facts, "plan.json")
    assert read == dataclasses.replace(plan, dataset_folder="")
    submitted = contents.parse_run(run_facts, "run.json", read)
    for field in FIELDS:
        if use_of(field).check and use_of(field).submitted:
            assert getattr(submitted, field.name) == getattr(row, field.name), field.name
    submitted_fields = {field.name for field in FIELDS if use_of(field).submitted and use_of(field).check}
    assert plan_facts.keys() | run_facts.keys() == submitted_fields | {"compile", "deterministic"}


@pytest.mark.parametrize("change", [lambda facts: facts.popitem(), lambda facts: facts.update(more=1)])
def test_a_submitted_plan_with_a_field_less_or_more_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    facts = contents.plan_facts(_submitted()[0])
    change(facts)
    with pytest.raises(SubmissionError, match="missing or unknown"):
        contents.parse_plan(facts, "plan.json")


def test_a_field_that_does_not_say_what_it_is_for_is_noticed() -> None:
    @dataclasses.dataclass
    class Careless:
        declared: str = dataclasses.field(metadata=use("group"))
        forgotten: str = ""

    declared, forgotten = dataclasses.fields(Careless)
    assert use_of(declared).purposes == {"group"}
    with pytest.raises(KeyError, match="use"):
        use_of(forgotten)
