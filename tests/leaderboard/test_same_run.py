"""The same run is one of the same identity, made for a task of the same definition: wherever a leaderboard asks."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task import Task
from petbench_leaderboard.errors import UnderWayError
from petbench_leaderboard.same_run import is_same_task
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import merge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_leaderboard.records import RunRecord

OTHER: dict[str, Any] = {
    "name": "another", "version": 2, "summary": "another", "tracer": "FLT", "spellings": ("flt",),
    "radionuclide": "Cu64", "early_seconds": (0.0, 600.0), "delayed_seconds": (3000.0, 3600.0), "least_coverage": 0.5,
    "clearance_organs": ("liver",), "excreted_by_urine": False, "hot_suv": 2.5, "core_percent": 50.0,
    "shown_organs": ("liver",), "ranking_metrics": ("mae_body_suv",), "source": "another", "of_file": True,
}  # fmt: skip
THEN = DEFAULT_TASK.content()
NOW = dataclasses.replace(DEFAULT_TASK, hot_suv=2.5).content()
LATER = dataclasses.replace(DEFAULT_TASK, ranking_metrics=("mae_body_suv",)).content()


def test_every_field_of_a_task_is_tried_here() -> None:
    assert OTHER.keys() == {each.name for each in dataclasses.fields(Task) if each.compare}


@pytest.mark.parametrize("field", OTHER)
def test_a_task_that_differs_in_anything_is_another_one(field: str) -> None:
    changed = dataclasses.replace(DEFAULT_TASK, **{field: OTHER[field]}).content()
    assert not is_same_task(THEN, changed)
    assert not is_same_task(changed, THEN)
    assert is_same_task(changed, json.loads(json.dumps(changed)))


def test_a_task_is_the_same_however_its_numbers_and_defaults_are_written() -> None:
    spelled = {**THEN, "hot_suv": 4, "excreted_by_urine": True, "early_seconds": [420, 1260]}
    assert is_same_task(THEN, spelled)
    assert not is_same_task(NOW, spelled)


def test_of_a_run_from_before_definitions_were_stored_name_and_version_are_enough() -> None:
    for definition in (THEN, NOW, {}):
        assert is_same_task({}, definition)
        assert is_same_task(definition, {})


def test_a_definition_that_no_task_of_this_version_has_is_compared_as_it_is() -> None:
    theirs = {**THEN, "of_a_later_version": 1}
    assert is_same_task(theirs, dict(theirs))
    assert not is_same_task(theirs, THEN)


@pytest.fixture
def of(make_record: MakeRecord) -> Any:
    def record(definition: dict[str, Any], **changes: Any) -> RunRecord:
        return make_record(identity="1" * 64, task_definition=definition, log_path="runs/log", **changes)

    return record


def test_the_runs_of_an_identity_are_those_of_one_definition_and_of_before(leaderboard: Leaderboard, of: Any) -> None:
    before, then, now = (leaderboard.plan(of(each)) for each in ({}, THEN, NOW))
    repeated = leaderboard.plan(of(THEN, verification="rescored"))
    for definition, found in (
        (THEN, [repeated, then, before]), (NOW, [now, before]), (LATER, [before]), ({}, [repeated, now, then, before]),
    ):  # fmt: skip
        assert [row.id for row in leaderboard.find("1" * 64, definition)] == found
    assert [row.id for row in leaderboard.find("1" * 64)] == [repeated, now, then, before]
    assert [row.id for row in leaderboard.find("1" * 64, THEN, verification="own")] == [then, before]


def test_a_run_is_entered_beside_one_of_a_task_that_has_changed_and_once_for_what_it_says_now(
    leaderboard: Leaderboard, of: Any, make_score: MakeScore
) -> None:
    def enter(definition: dict[str, Any], psnr: float, uid: str) -> tuple[int, bool]:
        return leaderboard.enter(of(definition), [make_score("sub-01", psnr)], uid=uid, status="ok")

    then, _ = enter(THEN, 30.0, "then")
    now, known = enter(NOW, 31.0, "now")
    assert not known
    assert [each.value for each in leaderboard.scores([now])] == [31.0]
    assert enter(NOW, 32.0, "again") == (now, True)
    assert enter(THEN, 32.0, "once more") == (then, True)


def test_what_somebody_claims_of_another_definition_stays_where_a_run_is_checked(
    leaderboard: Leaderboard, of: Any, make_score: MakeScore
) -> None:
    for number, definition in enumerate((THEN, NOW)):
        claimed = of(definition, verification="self-reported", submitter="them")
        leaderboard.enter(claimed, [make_score("sub-01", 40.0)], uid=f"claimed {number}", status="ok")
    checked = of(NOW, verification="rescored", submitter="them")
    leaderboard.enter(checked, [make_score("sub-01", 30.0)], uid="checked", status="ok")
    left = {row.uid: dict(row.task_definition) for row in leaderboard.runs()}
    assert left == {"claimed 0": THEN, "checked": NOW}


def test_a_run_is_planned_alone_among_those_of_its_definition(leaderboard: Leaderboard, of: Any) -> None:
    leaderboard.plan(of(THEN), alone=True)
    leaderboard.plan(of(NOW), alone=True)
    for definition in (THEN, NOW, {}):
        with pytest.raises(UnderWayError, match="is the same run and under way"):
            leaderboard.plan(of(definition), alone=True)


def test_what_somebody_reports_is_merged_beside_a_checked_run_of_another_definition_alone(
    leaderboard: Leaderboard, of: Any, make_score: MakeScore, tmp_path: Path
) -> None:
    leaderboard.enter(of(NOW), [make_score("sub-01", 30.0)], uid="mine", status="ok")
    with Leaderboard.open(tmp_path / "theirs.db") as theirs:
        for number, definition in enumerate((THEN, NOW)):
            theirs.enter(of(definition), [make_score("sub-01", 40.0)], uid=f"theirs {number}", status="ok")
    merge(leaderboard, tmp_path / "theirs.db", trusted=False)
    assert {row.uid for row in leaderboard.runs()} == {"mine", "theirs 0"}
