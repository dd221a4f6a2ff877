"""What petbench 0.1.0 left behind opens, is taken over and scored again, or is refused in one line."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petbench.evaluation.protocol import PROTOCOL
from petbench.plans.run_plan import identity_of

if TYPE_CHECKING:
    from tests.command import Petbench

HOME = Path(__file__).parents[1] / "data" / "home-0.1.0"
pytestmark = pytest.mark.slow


@pytest.fixture
def old(petbench: Petbench) -> Petbench:
    shutil.copytree(HOME, petbench.home)
    return petbench


def test_its_folders_take_the_names_of_their_rows_and_its_datasets_their_new_place(old: Petbench) -> None:
    rows = old.json("runs", "list")
    assert [(row["id"], row["method"], row["status"]) for row in rows] == [
        (3, "pix2pix", "interrupted"),
        (2, "scale", "ok"),
        (1, "identity", "ok"),
    ]
    assert sorted(path.name for path in (old.home / "runs").iterdir()) == sorted(
        f"{row['method']}-{row['uid']}" for row in rows
    )
    assert not (old.home / "cohorts").exists()
    for row in old.json("runs", "list"):
        assert (old.home / row["log_path"]).is_file()
        plan = json.loads((old.home / row["log_path"]).with_name("plan.json").read_text())
        assert plan["dataset_folder"] == str(old.home / "datasets" / "bodies")


def test_its_runs_of_protocol_1_are_scored_under_protocol_2_from_their_files_to_the_same_numbers(old: Petbench) -> None:
    before = old.json("runs", "show", "2")["scores"]
    assert {score["protocol"] for score in before} == {1}
    assert "scored 2 runs again" in old("score", "--runs", "all").stdout
    after = old.json("runs", "show", "2")["scores"]
    assert {score["protocol"] for score in after} == {PROTOCOL}

    def values(scores: list[dict[str, object]]) -> dict[object, object]:
        return {
            (score["convention_id"], score["region"], score["participant"]): score["value"]
            for score in scores
            if "randconv" not in str(score["convention_id"])  # of too few slices now
        }

    first, second = values(before), values(after)
    assert len(first) > 15
    assert {key: second[key] for key in first} == first  # whatever its convention calls the metric today
    assert {score["metric"] for score in after} - {score["metric"] for score in before} > {"mae_body_suv_no_urinary"}


def test_what_it_scored_under_protocol_1_stays_on_a_board_of_its_own(old: Petbench) -> None:
    (before,) = old.json("leaderboard")
    old("score", "--runs", "all")
    new, kept = old.json("leaderboard")
    assert (new["protocol"], kept["protocol"]) == (PROTOCOL, 1)
    assert kept["rows"] == before["rows"]
    assert {row["method"] for row in new["rows"]} == {row["method"] for row in kept["rows"]} == {"identity", "scale"}
    same = "psnr_body_suv20"
    assert {row["method"]: row[same] for row in new["rows"]} == {row["method"]: row[same] for row in kept["rows"]}
    conventions = [{column["convention_id"] for column in board["columns"]} for board in (new, kept)]
    assert "unmatched-volume/body/suv4/predicted-only@1" in conventions[0] & conventions[1]
    old("report", "-o", old.home.parent / "site")


def test_a_run_that_was_unscored_then_loses_that_note_when_its_targets_are_here_and_it_is_scored(old: Petbench) -> None:
    with contextlib.closing(sqlite3.connect(old.home / "leaderboard.db")) as board, board:
        board.execute("UPDATE runs SET error_message = 'unscored: the keeper of the cohort has them' WHERE id = 2")
    old("score", "--runs", "2")
    assert old.json("runs", "show", "2")["error_message"] is None


@pytest.mark.parametrize(
    "arguments", [("runs", "resume", "3"), ("predict", "2", "scan.nii.gz", "-o", "out.nii.gz")], ids=lambda a: a[0]
)
def test_what_would_need_its_code_is_refused_in_one_line(old: Petbench, arguments: tuple[str, ...]) -> None:
    (line,) = old(*arguments, code=1).stderr.splitlines()
    assert "has changed since the run was made" in line
    assert "run the method again" in line


def test_a_folder_whose_plan_is_another_run_is_left_alone(old: Petbench) -> None:
    (folder,) = (old.home / "runs").glob("00002-*")
    plan = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps(plan | {"seed": 7}))
    (line,) = old("score", "--runs", "2", code=1).stderr.splitlines()[:1]
    assert "is not under" in line
    assert folder.is_dir()


def test_a_folder_that_was_half_taken_over_when_the_process_was_killed_is_taken_over_the_next_time(
    old: Petbench,
) -> None:
    (number,) = [row["id"] for row in old.json("runs", "list") if row["method"] == "scale"]
    (folder,) = (old.home / "runs").glob("scale-*")
    folder.rename(old.home / "runs" / "00002-scale-065cdd06")  # its plan is converted, its name not yet changed
    assert old.json("runs", "show", str(number))["id"] == number
    assert folder.is_dir()


def test_the_repeat_scan_that_had_another_name_keeps_its_folder(old: Petbench) -> None:
    """Whether its plan was converted before the process was killed or not."""
    (folder,) = (old.home / "runs").glob("00002-*")
    plan = json.loads((folder / "plan.json").read_text()) | {"method": "noise-ceiling", "supervision": "oracle"}
    (folder / "plan.json").write_text(json.dumps(plan))
    with contextlib.closing(sqlite3.connect(old.home / "leaderboard.db")) as database, database:
        facts = {"method": "noise-ceiling", "supervision": "oracle", "identity": identity_of(plan)}
        database.execute(
            "UPDATE runs SET method=:method, supervision=:supervision, identity=:identity WHERE id=2", facts
        )
    assert old.json("runs", "show", "2")["role"] == "repeat-scan"
    (taken,) = (old.home / "runs").glob("repeat-scan-*")
    taken.rename(folder)
    assert "scored 1 run again" in old("score", "--runs", "2").stdout
    assert taken.is_dir()


def test_a_folder_is_taken_over_by_the_row_of_one_leaderboard_only(old: Petbench, tmp_path: Path) -> None:
    shutil.copy(old.home / "leaderboard.db", tmp_path / "second.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "second.db")) as second, second:
        second.execute("UPDATE runs SET uid = hex(randomblob(16))")
    old("runs", "list")
    old("--db", tmp_path / "second.db", "runs", "delete", "2", "--yes")
    assert len(list((old.home / "runs").glob("scale-*"))) == 1
