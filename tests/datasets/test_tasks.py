"""A task says which tracer, which windows: its definition, its file, and which of several holds."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from petbench_cohorts.tasks import FLT, NAF
from petbench_datasets.errors import DataError
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_datasets.tasks.task import Task
from petbench_datasets.tasks.task_file import DECIDES, TASK_FILE, read_task, task_for
from petbench_datasets.tasks.task_writer import definition, write_task
from petbench_leaderboard.records import FIRST_TASK

DIGESTS = {
    "fdg-7-21-to-42-63@1": "20d03bcc62e254e2ce7b2f1c6362466228f64693245c4a5128ee686bbb3a9d2b",
    "fdg-60-to-120@1": "453b845b078e596b529e2a9bf67e4ec566e149643d7d4dd3af77a60121671b7d",
    "fdg-0-10-to-50-60@1": "d58e4babd7d4a82b6512e1bfc49040b27488f4838a9fb5f0ced4a4b31484fd2e",
    "cu64-1h-to-24h@1": "c838768ef1befc95f1e7d6a5981b4f7c6ced3cafafc6cca2f442db1c520b99b9",
}
"""What each version asks: another question, even in a word of its source, is another version."""

MINE: dict[str, Any] = {
    "name": "flt-5-15-to-50-60",
    "version": 2,
    "summary": "FLT of an hour from its first minutes",
    "tracer": "FLT",
    "spellings": ["flt", "fluorothymidine"],
    "radionuclide": "[18F]",
    "early_minutes": [5, 15],
    "delayed_minutes": [50, 60.5],
    "least_coverage": 0.6,
    "source": "nobody's: for tests",
}


def written(path: Path, **changes: Any) -> Path:
    facts = {key: value for key, value in {**MINE, **changes}.items() if value is not ...}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in facts.items()), encoding="utf-8")
    return path


def test_a_built_in_task_never_changes_under_its_version() -> None:
    assert {task.id: task.digest for task in BUILT_IN.values()} == DIGESTS


def test_the_default_is_what_every_run_of_before_was_asked() -> None:
    assert next(iter(BUILT_IN.values())) is DEFAULT_TASK
    assert DEFAULT_TASK.id == FIRST_TASK
    assert DEFAULT_TASK.windows_seconds == {"early": (420.0, 1260.0), "delayed": (2520.0, 3780.0)}


def test_a_file_defines_a_task(tmp_path: Path) -> None:
    task = read_task(written(tmp_path / "mine.toml"))
    assert task.radionuclide == "F18"
    assert task.windows_seconds == {"early": (300.0, 900.0), "delayed": (3000.0, 3630.0)}
    assert task.least_coverage == 0.6
    assert Task.from_content(json.loads(json.dumps(task.content()))) == task


def test_two_files_never_pass_for_one_task(tmp_path: Path) -> None:
    one = read_task(written(tmp_path / "one.toml"))
    other = read_task(written(tmp_path / "other.toml", delayed_minutes=[50, 60]))
    assert one.id == f"flt-5-15-to-50-60@2:{one.digest[:8]}"
    assert one.id != other.id
    assert read_task(written(tmp_path / "same.toml")).id == one.id


def test_a_file_may_name_a_task(tmp_path: Path) -> None:
    path = tmp_path / TASK_FILE
    for text in ("fdg-60-to-120", "fdg-60-to-120@1"):
        path.write_text(f'task = "{text}"\n', encoding="utf-8")
        assert read_task(path) == BUILT_IN["fdg-60-to-120"]


@pytest.mark.parametrize("task", [*BUILT_IN.values(), None])
def test_a_cohort_that_is_written_anew_has_its_task(task: Task | None, tmp_path: Path) -> None:
    task = task or read_task(written(tmp_path / "mine.toml"))
    write_task(tmp_path, task)
    assert task_for(tmp_path) == task
    assert (tmp_path / TASK_FILE).exists() == (task != DEFAULT_TASK)
    if task.of_file:
        assert (tmp_path / TASK_FILE).read_text(encoding="utf-8") == definition(task)


def test_what_is_asked_for_goes_before_the_cohorts_own_and_this_before_the_default(tmp_path: Path) -> None:
    asked = BUILT_IN["fdg-0-10-to-50-60"]
    assert task_for(tmp_path) == DEFAULT_TASK
    assert task_for(tmp_path, asked) == asked
    own = read_task(written(tmp_path / TASK_FILE))
    assert task_for(tmp_path) == own
    assert task_for(tmp_path, asked) == asked


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "My Task"}, "no slug"),
        ({"name": 7}, "no slug"),
        ({"name": ...}, "name is missing"),
        ({"version": 0}, "version is 0"),
        ({"version": True}, "version is True"),
        ({"version": "1"}, "version is '1'"),
        ({"summary": ""}, "summary is ''"),
        ({"summary": ...}, "summary is missing"),
        ({"tracer": ["FLT"]}, "tracer is"),
        ({"radionuclide": "Xx99"}, "radionuclide is 'Xx99'; known are F18"),
        ({"radionuclide": 18}, "radionuclide is 18"),
        ({"spellings": []}, "spellings is"),
        ({"spellings": ["f"]}, "spellings is"),
        ({"spellings": "flt"}, "spellings is"),
        ({"early_minutes": [5]}, "early_minutes is [5]"),
        ({"early_minutes": ["5", 15]}, "early_minutes is ['5', 15]"),
        ({"early_minutes": [-1, 15]}, "early_seconds is (-60.0, 900.0)"),
        ({"early_minutes": [15, 5]}, "early_seconds is"),
        ({"delayed_minutes": [50, 50]}, "delayed_seconds is"),
        ({"delayed_minutes": [14, 60]}, "begins before the early one ends"),
        ({"delayed_minutes": [50, 99999]}, "from 0 to 30 days"),
        ({"least_coverage": 0}, "least_coverage is 0"),
        ({"least_coverage": 1.1}, "least_coverage is 1.1"),
        ({"least_coverage": "80 %"}, "least_coverage is '80 %'"),
        ({"source": ...}, "source is missing"),
        ({"least_covrage": 0.5}, "did you mean 'least_coverage'"),
        ({"of_file": False}, "key of a task"),
        ({"hot_suv": 0}, "hot_suv is 0"),
        ({"hot_suv": -2.5}, "hot_suv is -2.5"),
        ({"hot_suv": True}, "hot_suv is True"),
        ({"hot_suv": "4"}, "hot_suv is '4'"),
        ({"hot_suv": [4]}, "hot_suv is"),
        ({"core_percent": 0}, "core_percent is 0"),
        ({"core_percent": 100}, "core_percent is 100"),
        ({"core_percent": "41 %"}, "core_percent is '41 %'"),
        ({"clearance_organs": ["Liver"]}, "clearance_organs is ('Liver',); give a list of labels of organs"),
        ({"clearance_organs": ["left kidney"]}, "clearance_organs is ('left kidney',)"),
        ({"clearance_organs": ["liver", "liver"]}, "each once"),
        ({"clearance_organs": [1]}, "clearance_organs is (1,)"),
        ({"clearance_organs": "liver"}, "clearance_organs is 'liver'"),
        ({"clearence_organs": []}, "did you mean 'clearance_organs'"),
        ({"excreted_by_urine": 1}, "excreted_by_urine is 1; it is true or false"),
        ({"excreted_by_urine": "no"}, "excreted_by_urine is 'no'"),
        ({"shown_organs": ["liver", ""]}, "shown_organs is ('liver', '')"),
        ({"shown_organs": "all"}, "shown_organs is 'all'"),
        ({"ranking_metrics": "mae_body_suv"}, "ranking_metrics is 'mae_body_suv'; give a list of names of metrics"),
        ({"ranking_metrics": ["MAE"]}, "ranking_metrics is ('MAE',)"),
        ({"task": "fdg-60-to-120"}, "names a task, and says name"),
    ],
)
def test_a_file_that_defines_no_task_is_refused_in_one_line(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path / TASK_FILE, **changes)
    with pytest.raises(DataError) as caught:
        task_for(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [('task = "fdg-60-to-12"', "did you mean 'fdg-60-to-120'"), ("task = ", "no TOML"), ("task = 3", "no task")],
)
def test_a_file_that_names_no_task_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / TASK_FILE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        task_for(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "of_fdg", "of_copper"),
    [
        ("FDG", "FDG", "FDG"),
        ("18F-Fluorodeoxyglucose", "FDG", "18F-Fluorodeoxyglucose"),
        ("fludeoxyglucose F18", "FDG", "fludeoxyglucose F18"),
        ("^18^Fluorine", "", "^18^Fluorine"),
        ("[18F]", "", "[18F]"),
        ("F-18", "", "F-18"),
        ("", "", ""),
        ("n/a", "", ""),
        ("Solution", "", ""),
        ("PSMA-1007", "PSMA-1007", "PSMA-1007"),
        ("18F-PSMA", "18F-PSMA", "18F-PSMA"),
        ("64Cu-DOTATATE", "64Cu-DOTATATE", "DOTATATE"),
        ("Copper Cu 64 dotatate", "Copper Cu 64 dotatate", "DOTATATE"),
        ("Detectnet", "Detectnet", "DOTATATE"),
        ("Cu-64", "Cu-64", ""),
        ("^64^Copper", "^64^Copper", ""),
    ],
)
def test_a_tracer_goes_by_its_spellings_and_a_nuclide_alone_says_nothing(
    name: str, of_fdg: str, of_copper: str
) -> None:
    assert DEFAULT_TASK.kind_of(name) == of_fdg
    assert BUILT_IN["cu64-1h-to-24h"].kind_of(name) == of_copper


def test_a_new_field_with_a_default_changes_no_digest() -> None:
    assert "of_file" not in DEFAULT_TASK.content()
    assert dataclasses.replace(DEFAULT_TASK, least_coverage=0.7).digest != DEFAULT_TASK.digest


DECIDED: dict[str, Any] = {
    "clearance_organs": ["liver", "gallbladder"],
    "excreted_by_urine": False,
    "hot_suv": 2.5,
    "core_percent": 50.0,
    "shown_organs": ["prostate", "bone"],
    "ranking_metrics": ["organ_suvmean_error", "mae_body_suv"],
}


def test_a_file_decides_what_depends_on_the_tracer(tmp_path: Path) -> None:
    task = read_task(written(tmp_path / "mine.toml", **DECIDED))
    assert {key: getattr(task, key) for key in DECIDED} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in DECIDED.items()
    }
    assert Task.from_content(json.loads(json.dumps(task.content()))) == task
    write_task(tmp_path, task)
    assert task_for(tmp_path) == task


@pytest.mark.parametrize("key", DECIDED)
def test_each_decision_makes_another_task_and_none_changes_one_that_decides_nothing(key: str, tmp_path: Path) -> None:
    plain = read_task(written(tmp_path / "plain.toml"))
    assert DECIDED.keys().isdisjoint(plain.content())
    assert DECIDED.keys().isdisjoint(tomllib.loads(definition(plain)))
    other = read_task(written(tmp_path / "other.toml", **{key: DECIDED[key]}))
    assert other.id != plain.id
    assert tomllib.loads(definition(other)).keys() - tomllib.loads(definition(plain)).keys() == {key}
    default = {"hot_suv": 4, "core_percent": 41, "excreted_by_urine": True, "shown_organs": [], "ranking_metrics": []}
    organs = list(plain.clearance_organs)
    assert read_task(written(tmp_path / "same.toml", clearance_organs=organs, **default)).id == plain.id


def test_two_ways_of_writing_a_threshold_are_one_task(tmp_path: Path) -> None:
    one, other = (read_task(written(tmp_path / "mine.toml", hot_suv=value)) for value in (2, 2.0))
    assert one.id == other.id


def test_a_task_file_of_before_keeps_its_id(tmp_path: Path) -> None:
    assert (FLT.id, NAF.id) == ("flt-7-21-to-42-63@1:f2ac6aa7", "naf-7-21-to-42-63@1:fcb16918")
    assert read_task(written(tmp_path / "mine.toml")).id == "flt-5-15-to-50-60@2:3c31f61a"


def test_the_page_of_tasks_explains_every_decision_and_its_example_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
    whole, decisions = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.toml").write_text(whole + decisions, encoding="utf-8")
    task = read_task(tmp_path / "mine.toml")
    assert set(tomllib.loads(decisions)) == set(DECIDES) <= task.content().keys()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(DECIDES)
