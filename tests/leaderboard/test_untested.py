"""Runs that were not tested: on no board, and replaced by the same run that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.timing.tables import board_times
from petbench_leaderboard.transfer import export_runs, import_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun
    from tests.leaderboard.timed_runs import TimedRuns


@pytest.mark.parametrize("purpose", ["no-test", "trial"])
@pytest.mark.parametrize("status", ["ok", "failed"])
def test_runs_that_were_not_tested_are_on_no_board(
    leaderboard: Leaderboard, add_run: AddRun, purpose: str, status: str
) -> None:
    add_run("mine", {"sub-01": 30.0})
    (before,) = rank(leaderboard)
    add_run("mine", {}, planned=("sub-01",), purpose=purpose, status=status, parameters={"width": 1})
    if status == "ok":
        add_run("mine", {}, planned=("sub-01",), purpose=purpose, status=status, seed=1)
    (after,) = rank(leaderboard)
    assert after == before


def test_a_seed_that_failed_in_training_is_lost_whether_it_was_to_be_tested_or_not(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("mine", {"sub-01": 30.0})
    add_run("mine", {}, planned=("sub-01",), purpose="trial", status="diverged", seed=1)
    (row,) = rank(leaderboard)[0].rows
    assert row.failed_seeds == (1,)


def test_a_run_that_was_tested_elsewhere_replaces_the_same_run_that_was_not(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    run_id = add_run("mine", {}, planned=("sub-01",), purpose="no-test")
    export_runs(leaderboard, tmp_path / "early.jsonl")
    with Leaderboard.open(tmp_path / "other.db") as other:
        import_runs(other, tmp_path / "early.jsonl", trusted=True)
        assert [run.purpose for run in other.runs()] == ["no-test"]
        leaderboard.update(run_id, purpose="test")
        export_runs(leaderboard, tmp_path / "late.jsonl")
        import_runs(other, tmp_path / "late.jsonl", trusted=True)
        assert [run.purpose for run in other.runs()] == ["test"]
        import_runs(other, tmp_path / "early.jsonl", trusted=True)
        assert [run.purpose for run in other.runs()] == ["test"]


def test_a_purpose_that_there_is_none_of_is_refused(leaderboard: Leaderboard, add_run: AddRun) -> None:
    run_id = add_run("mine", {"sub-01": 30.0})
    with pytest.raises(LeaderboardError, match="use one of test, no-test, trial"):
        leaderboard.update(run_id, purpose="later")  # type: ignore[arg-type]


def test_a_run_that_was_not_tested_has_no_time_to_a_target(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    add_timed("kinetic", [], 0.5)
    add_timed("mine", [(10.0, 0.6), (20.0, 0.4)], 0.4, seed=0)
    (before,) = [board_times(leaderboard, board) for board in rank(leaderboard)]
    run_id = add_timed("mine", [(10.0, 0.1)], 0.1, seed=1, purpose="no-test", status="planned")
    leaderboard.update(run_id, status="ok")
    (after,) = [board_times(leaderboard, board) for board in rank(leaderboard)]
    assert [row.seconds for table in before.tables for row in table.rows] == [20.0]
    assert after == before
