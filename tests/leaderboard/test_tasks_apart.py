"""Two tasks never share a table, even where all else that tells boards apart is the same."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import UnknownOnLeaderboardError
from petbench_leaderboard.exports import to_csv, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import BOARD_FIELDS, FIRST_TASK
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.site.board_table import board_slug
from petbench_leaderboard.score_rows import score_rows
from petbench_leaderboard.transfer import export_runs, import_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

LATE = "fdg-60-to-120@1"
VALUES = {FIRST_TASK: 30.0, LATE: 40.0}


@pytest.fixture
def two(leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> Leaderboard:
    """A leaderboard with the same method, images, split and seed under two tasks."""
    for task, value in VALUES.items():
        run_id = leaderboard.plan(make_record(task=task))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score("sub-01", value)])
    return leaderboard


def test_each_task_has_its_board_its_rows_and_its_means(two: Leaderboard) -> None:
    boards = rank(two)
    assert [board.task for board in boards] == sorted(VALUES)
    for board in boards:
        (row,) = board.rows
        assert next(iter(row.cells.values())).mean == VALUES[board.task]
        assert row.seeds == (0,)
    assert len({board_slug(board) for board in boards}) == 2
    assert len({run.run_group for run in two.runs()}) == 2


@pytest.mark.parametrize("asked", ["fdg-60-to-120", LATE])
def test_one_task_is_shown_by_its_name_or_its_id(asked: str, two: Leaderboard) -> None:
    (board,) = rank(two, task=asked)
    assert board.task == LATE
    (row,) = rank(two, where=f"task={LATE}")[0].rows
    assert row.run.task == LATE


def test_a_task_that_no_run_is_of_is_a_mistake_in_typing(two: Leaderboard) -> None:
    with pytest.raises(UnknownOnLeaderboardError, match="did you mean 'fdg-60-to-120'"):
        rank(two, task="fdg-60-to-12")


def test_every_output_says_its_task(two: Leaderboard) -> None:
    boards = rank(two)
    rows = list(csv.DictReader(io.StringIO(to_csv(boards))))
    assert [row["task"] for row in rows] == [board["task"] for board in json.loads(to_json(boards))] == sorted(VALUES)
    for text in (to_markdown(boards), to_latex(boards)):
        assert all(f"task {task}," in text.replace("\\", "") for task in VALUES)
    assert [row["task"] for row in score_rows(two)] == list(VALUES)


def test_a_failure_of_one_task_costs_the_row_of_the_other_nothing(two: Leaderboard, make_record: MakeRecord) -> None:
    failed = two.plan(make_record(task=LATE, seed=1))
    two.update(failed, status="failed")
    ranks = {board.task: board.rows[0].rank for board in rank(two)}
    assert ranks == {FIRST_TASK: 1, LATE: None}


def test_a_file_of_runs_keeps_the_task_and_one_of_before_has_the_first(
    two: Leaderboard, leaderboard: Leaderboard, tmp_path: Path
) -> None:
    path = tmp_path / "runs.jsonl"
    export_runs(two, path)
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    for run in two.runs():
        two.delete(run.id)
    import_runs(two, path, trusted=True)
    assert sorted(run.task for run in two.runs()) == sorted(VALUES)
    for run in two.runs():
        two.delete(run.id)
    (first,) = (json.loads(line) for line in lines if FIRST_TASK in line)
    path.write_text(f"{head}\n{json.dumps(_without_task(first))}\n", encoding="utf-8")
    import_runs(two, path, trusted=True)
    assert [run.task for run in two.runs()] == [FIRST_TASK]
    assert next(iter(rank(two)[0].rows[0].cells.values())).mean == VALUES[FIRST_TASK]


def _without_task(content: dict[str, object]) -> dict[str, object]:
    found = {key: value for key, value in content.items() if key != "task"}
    return {key: _without_task(value) if isinstance(value, dict) else value for key, value in found.items()}


def test_a_board_has_a_value_of_each_field_that_tells_boards_apart(two: Leaderboard) -> None:
    names = {field.name for field in dataclasses.fields(rank(two)[0])}
    assert set(BOARD_FIELDS) <= names
