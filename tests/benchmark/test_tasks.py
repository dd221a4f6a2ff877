"""Tasks in plans and plugins: what was planned is what is asked."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import sys
import types
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.task_cohort import LATE_ONE, MINE

import petbench
from petbench.errors import ChangedError, UnknownNameError, UsageError
from petbench.plans.planner import Place, Request, plan_on
from petbench.plans.run_plan import RunPlan, identity_of
from petbench.plans.tasks import asked_task, planned_task, require_unchanged, task_of_folder
from petbench.registry import load_plugins
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_datasets.tasks.task_file import TASK_FILE, read_task
from petbench_leaderboard.records import FIRST_TASK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

    from petbench.registry import Registry


@pytest.fixture
def registry() -> Registry:
    return load_plugins()


def plan_of(cohort: Path, task: petbench.Task, registry: Registry) -> RunPlan:
    dataset = open_dataset(cohort, task=task)
    split = load_split(dataset, "holdout" if task == DEFAULT_TASK else task.name)
    return plan_on(Request(method="scale"), Place("kinetics", dataset, split), registry)


def test_the_first_task_changes_no_identity_and_no_group_and_another_changes_both(
    kinetic_cohort: Path, registry: Registry
) -> None:
    first = plan_of(kinetic_cohort, DEFAULT_TASK, registry)
    without = {name: value for name, value in first.to_dict().items() if not name.startswith("task")}
    assert first.task == FIRST_TASK
    assert identity_of(without) == first.identity
    assert RunPlan.from_json(without).identity == first.identity
    other = dataclasses.replace(first, task="fdg-7-21-to-42-63@2")
    assert other.identity != first.identity
    assert other.record().run_group != first.record().run_group


def test_a_plan_asks_what_it_was_planned_to_ask_whatever_becomes_of_the_file(
    kinetic_cohort: Path, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(MINE.replace("FLT", "FDG"), encoding="utf-8")
    task = read_task(tmp_path / "mine.toml")
    dataset = open_dataset(kinetic_cohort, task=task)
    plan = dataclasses.replace(plan_of(kinetic_cohort, DEFAULT_TASK, registry), task=task.id)
    plan = dataclasses.replace(plan, task_definition=dataset.task.content())
    (tmp_path / "mine.toml").unlink()
    plan.save(tmp_path / "plan.json")
    assert planned_task(RunPlan.load(tmp_path / "plan.json")) == task


def test_a_plan_whose_task_is_not_what_it_defines_is_refused(kinetic_cohort: Path, registry: Registry) -> None:
    plan = plan_of(kinetic_cohort, DEFAULT_TASK, registry)
    with pytest.raises(ChangedError, match="planned for the task mine@1, and its plan defines fdg-7-21-to-42-63@1"):
        planned_task(dataclasses.replace(plan, task="mine@1"))
    with pytest.raises(ChangedError, match="none that this petbench knows"):
        planned_task(dataclasses.replace(plan, task="mine@1", task_definition={}))
    assert planned_task(dataclasses.replace(plan, task_definition={})) == DEFAULT_TASK


@pytest.fixture
def with_plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry]:
    def load(*tasks: petbench.Task) -> Registry:
        module = types.ModuleType("tasks_of_a_plugin")

        @petbench.hookimpl
        def petbench_tasks() -> list[petbench.Task]:
            return list(tasks)

        module.petbench_tasks = petbench_tasks  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        own = importlib.metadata.EntryPoint("theirs", module.__name__, "petbench")
        return load_plugins([own])

    return load


THEIRS = dataclasses.replace(DEFAULT_TASK, name="theirs", summary="for tests", source="nobody's: for tests")


def test_a_plugin_brings_tasks_that_a_cohort_may_name(
    with_plugin: Callable[..., Registry], kinetic_cohort: Path, tmp_path: Path
) -> None:
    registry = with_plugin(THEIRS)
    assert registry.plugins[0].error is None
    assert asked_task("theirs", registry) == THEIRS
    (tmp_path / TASK_FILE).write_text('task = "theirs"\n', encoding="utf-8")
    assert task_of_folder(tmp_path, "", registry) == THEIRS
    assert task_of_folder(tmp_path, "fdg-60-to-120", registry) == LATE_ONE


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ((DEFAULT_TASK,), "taken already by petbench"),
        ((THEIRS, THEIRS), "registered twice"),
        ((dataclasses.replace(THEIRS, api=7),), "for plugin API 7"),
        ((dataclasses.replace(THEIRS, of_file=True),), "leave of_file as it is"),
        (("theirs",), "where a Task is expected"),
    ],
)
def test_a_plugin_with_a_task_that_cannot_be_is_listed_with_its_error(
    tasks: tuple[petbench.Task, ...], why: str, with_plugin: Callable[..., Registry]
) -> None:
    registry = with_plugin(*tasks)
    assert why in (registry.plugins[0].error or "")
    assert registry.tasks() == dict(BUILT_IN)


def test_a_task_of_a_package_that_changed_under_its_version_is_noticed(
    with_plugin: Callable[..., Registry], kinetic_cohort: Path
) -> None:
    plan = plan_of(kinetic_cohort, DEFAULT_TASK, load_plugins())
    plan = dataclasses.replace(plan, task=THEIRS.id, task_definition=THEIRS.content())
    require_unchanged(plan, with_plugin(THEIRS))
    with pytest.raises(ChangedError, match="theirs@1 has changed since the run was planned"):
        require_unchanged(plan, with_plugin(dataclasses.replace(THEIRS, delayed_seconds=(2520.0, 3600.0))))


def test_a_task_is_asked_for_by_name_by_id_and_by_file(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")
    assert asked_task("", registry) is None
    assert asked_task("fdg-60-to-120", registry) == asked_task("fdg-60-to-120@1", registry) == LATE_ONE
    mine = asked_task(str(tmp_path / "mine.toml"), registry)
    assert mine is not None
    assert re.fullmatch(r"flt-5-15-to-60-100@1:[0-9a-f]{8}", mine.id)
    with pytest.raises(UnknownNameError, match="did you mean 'fdg-60-to-120'"):
        asked_task("fdg-60-to-12", registry)
    with pytest.raises(UsageError, match="is of version 1 here, not 2"):
        asked_task("fdg-60-to-120@2", registry)


def test_tasks_are_listed_and_shown(petbench: Petbench) -> None:
    listed = petbench("tasks").stdout
    for task in BUILT_IN.values():
        assert task.id in listed
    shown = petbench("tasks", "cu64-1h-to-24h").stdout
    assert "762.06 min" in shown
    assert "23-25 h after the injection" in shown
    assert "10.2967/jnumed.111.101469" in shown
    found = {facts["id"]: facts for facts in petbench.json("tasks")}
    assert list(found) == [task.id for task in BUILT_IN.values()]
    assert found["fdg-60-to-120@1"]["delayed_minutes"] == [120.0, 135.0]
    assert petbench.json("tasks", "fdg-60-to-120") == found["fdg-60-to-120@1"]
    refused = petbench("tasks", "fdg-60-120", code=2)
    assert "did you mean 'fdg-60-to-120'" in refused.stderr


@pytest.mark.parametrize("verb", [("datasets", "check"), ("datasets", "info"), ("plan", "-m", "scale", "--dataset")])
def test_a_task_that_is_not_there_is_a_mistake_in_typing(
    verb: tuple[str, ...], petbench: Petbench, kinetic_cohort: Path
) -> None:
    result = petbench(*verb, kinetic_cohort, "--task", "fdg-60-to-12", code=2)
    assert "no task is called 'fdg-60-to-12'; did you mean 'fdg-60-to-120'?" in result.stderr


def test_a_split_divides_the_images_of_one_task(petbench: Petbench, kinetic_cohort: Path) -> None:
    refused = petbench.refusal("plan", "-m", "scale", "--dataset", kinetic_cohort, "--task", LATE_ONE.name)
    assert "divides the images of the task fdg-7-21-to-42-63@1, and these are of fdg-60-to-120@1" in refused
    for task in (DEFAULT_TASK, LATE_ONE):
        said = petbench("datasets", "check", kinetic_cohort, "--task", task.name).stdout
        assert f"errors: 0, warnings: 0, in {kinetic_cohort}, by the task {task.id}" in said
