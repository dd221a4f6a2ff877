"""Rows whose settings a search found: every output says what it cost, whichever of their seeds knows."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.exports import board_as_rows, to_csv
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.settings import run_settings, settings
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import export_runs, import_runs
from petbench_leaderboard.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun

FOUND = Tuning(trials=20, failed=1, images=240_000, seconds=1860.0, budget="images=12000", seed=3)
WORDS = "tuned: 20 trials (1 failed), 240,000 images in 31 min, seed 3"


@pytest.fixture
def tuned(leaderboard: Leaderboard, add_run: AddRun) -> int:
    """Store a row of the method's own settings, and one of found settings of which the first seed alone knows."""
    add_run("mine", {"sub-01": 30.0}, parameters={"width": 8})
    run_id = add_run("mine", {"sub-01": 31.0}, seed=3)
    leaderboard.update(run_id, tuning=FOUND.to_dict())
    add_run("mine", {"sub-01": 32.0}, seed=4)
    return run_id


def test_the_row_says_it_and_the_row_of_the_methods_own_settings_does_not(leaderboard: Leaderboard, tuned: int) -> None:
    (board,) = rank(leaderboard)
    said = {row.run_ids: WORDS in settings(row) for row in board.rows}
    assert said == {(1,): False, (2, 3): True}
    assert WORDS in run_settings(leaderboard.run(tuned))


def test_exports_have_a_column_for_each_part_of_the_cost(leaderboard: Leaderboard, tuned: int) -> None:
    (board,) = rank(leaderboard)
    (found,) = [row for row in board_as_rows(board) if row["runs"] == [2, 3]]
    assert {
        name.removeprefix("tuning_"): found[name] for name in found if name.startswith("tuning_")
    } == FOUND.to_dict()
    rows = list(csv.DictReader(io.StringIO(to_csv([board]))))
    assert sorted(row["tuning_trials"] for row in rows) == ["", "20"]


@pytest.mark.parametrize(
    ("images", "failed", "said"),
    [(0, 0, "tuned: 1 trial, 2.0 s, seed 0"), (10, 0, "tuned: 1 trial, 10 images in 2.0 s, seed 0")],
)
def test_words_leave_out_what_there_is_none_of(images: int, failed: int, said: str) -> None:
    assert str(Tuning(trials=1, failed=failed, images=images, seconds=2.0, budget="", seed=0)) == said


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "less": lambda facts: facts.pop("seconds"),
    "more": lambda facts: facts.update(more=1),
    "negative": lambda facts: facts.update(trials=-1),
    "a text": lambda facts: facts.update(images="many"),
    "not finite": lambda facts: facts.update(seconds=1e400),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_search_in_a_file_of_runs_is_checked_before_it_is_stored(
    leaderboard: Leaderboard, tuned: int, tmp_path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    path = tmp_path / "runs.jsonl"
    export_runs(leaderboard, path)
    with Leaderboard.open(tmp_path / "other.db") as other:
        import_runs(other, path, trusted=True)
        assert [run.tuning for run in other.runs() if run.tuning] == [FOUND.to_dict()]
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    runs = [json.loads(line) for line in lines]
    damage(next(run["run"]["tuning"] for run in runs if run["run"]["tuning"]))
    path.write_text("\n".join([head, *map(json.dumps, runs)]) + "\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "third.db") as third:
        with pytest.raises(LeaderboardError, match=r"runs\.jsonl"):
            import_runs(third, path, trusted=True)
        assert third.runs() == []
