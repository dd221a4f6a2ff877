"""Runs of several tasks: each has its board, with the answer that integration gives, and scans of its tracer alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.task_cohort import GRID, LATE_ONE, MINE, PEOPLE, mean_suv, regions, write_cohort
from tests.command import Petbench
from tests.made_once import made_once, shared_folder

from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_file import TASK_FILE, read_task

if TYPE_CHECKING:
    from pathlib import Path

    import petbench


TESTED = PEOPLE[-1]


def mean_error(task: petbench.Task) -> float:
    """Return the mean absolute error in the body of the early image as a prediction, by the closed integrals."""
    early, delayed = (mean_suv(TESTED, window) for window in task.windows_seconds.values())
    return float(np.abs(delayed - early)[regions() > 0].mean())


@pytest.fixture(scope="session")
def two_tasks(kinetic_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Petbench:
    """The command with a home in which `identity` was run for two tasks on one cohort."""

    def make(home: Path) -> None:
        command = Petbench(home)
        command("run", "-m", "identity", "--dataset", kinetic_cohort)
        command("run", "-m", "identity", "--dataset", kinetic_cohort, "--task", LATE_ONE.name, "--split", LATE_ONE.name)
        command("run", "-m", "scale", "--dataset", kinetic_cohort, "--task", LATE_ONE.name, "--split", LATE_ONE.name)

    return Petbench(made_once(shared_folder(tmp_path_factory) / "two-tasks", make))


@pytest.mark.slow
def test_two_tasks_on_one_cohort_make_two_boards(two_tasks: Petbench, tmp_path: Path) -> None:
    boards = {board["task"]: board for board in two_tasks.json("leaderboard")}
    assert boards.keys() == {DEFAULT_TASK.id, LATE_ONE.id}
    for task in (DEFAULT_TASK, LATE_ONE):
        (row,) = (row for row in boards[task.id]["rows"] if row["method"] == "identity")
        assert row["mae_body_suv"] == pytest.approx(mean_error(task), rel=1e-4)
    assert [row["method"] for row in boards[DEFAULT_TASK.id]["rows"]] == ["identity"]
    terminal = two_tasks("leaderboard").stdout
    assert all(f"task {task.id}, protocol" in terminal for task in (DEFAULT_TASK, LATE_ONE))
    alone = two_tasks("leaderboard", "--task", LATE_ONE.name).stdout
    assert DEFAULT_TASK.id not in alone
    for form in ("--latex", "--markdown"):
        text = two_tasks("leaderboard", form).stdout
        assert all(task.id in text.replace("\\", "") for task in (DEFAULT_TASK, LATE_ONE))
    csv = two_tasks("leaderboard", "--csv", "--task", LATE_ONE.id).stdout.splitlines()
    assert len(csv) == 3
    assert all(LATE_ONE.id in line for line in csv[1:])
    assert "did you mean 'fdg-60-to-120'" in two_tasks("leaderboard", "--task", "fdg-60-to-12", code=2).stderr
    two_tasks("scores", "export", "-o", tmp_path / "scores.csv")
    exported = (tmp_path / "scores.csv").read_text(encoding="utf-8")
    assert all(task.id in exported for task in (DEFAULT_TASK, LATE_ONE))


@pytest.mark.slow
def test_every_page_of_the_site_says_its_task_and_a_figure_is_of_one(two_tasks: Petbench, tmp_path: Path) -> None:
    two_tasks("report", "-o", tmp_path / "site")
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "site" / "participants").rglob("*.html")]
    pages += [(tmp_path / "site" / "index.html").read_text(encoding="utf-8")]
    assert all("task fdg-" in page for page in pages)
    assert all(f"task {task.id}" in pages[-1] for task in (DEFAULT_TASK, LATE_ONE))
    table = ("report", "--table", "1", "-o", tmp_path / "table.tex")
    assert "dataset, split and task choose it among" in two_tasks(*table, code=2).stderr
    two_tasks(*table, "--task", LATE_ONE.name)
    assert LATE_ONE.id in (tmp_path / "table.tex").read_text(encoding="utf-8").replace("\\", "")


@pytest.mark.slow
def test_a_run_that_is_there_is_found_by_its_task_and_scored_again_by_it(two_tasks: Petbench) -> None:
    rows = two_tasks.json("runs", "list")
    assert sorted(row["task"] for row in rows) == sorted([DEFAULT_TASK.id, LATE_ONE.id, LATE_ONE.id])
    assert "scored 3 runs again" in two_tasks("score", "--runs", "all").stdout


@pytest.mark.slow
def test_a_model_predicts_scans_of_its_own_tracer_alone(
    two_tasks: Petbench, kinetic_cohort: Path, tmp_path: Path
) -> None:
    (row,) = (row for row in two_tasks.json("runs", "list") if row["method"] == "scale")
    scan = next((kinetic_cohort / TESTED.name / "pet").glob("*.nii.gz"))
    two_tasks("predict", str(row["id"]), scan, "-o", tmp_path / "out.nii.gz", "--task", LATE_ONE.name)
    sidecar = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (sidecar["FrameTimesStart"], sidecar["FrameDuration"]) == ([7200.0], [900.0])
    card = (tmp_path / "out.card.md").read_text(encoding="utf-8")
    assert "predicts the image of 120-135 min from that of 60-75 min after the injection of F-18 FDG" in card
    wrong = ("predict", str(row["id"]), scan, "-o", tmp_path / "no.nii.gz", "--task", DEFAULT_TASK.name)
    assert "was trained for the task fdg-60-to-120@1, not fdg-7-21-to-42-63@1" in two_tasks(*wrong, code=2).stderr
    psma = tmp_path / "sub-01_pet.nii.gz"
    write_image(psma, np.ones(GRID.shape, np.float32), GRID)
    content = json.loads(scan.with_name(scan.name.replace(".nii.gz", ".json")).read_text(encoding="utf-8"))
    content |= {"TracerName": "18F-PSMA-1007", "PatientWeight": 70.0, "FrameTimesStart": [3600.0]}
    psma.with_name("sub-01_pet.json").write_text(json.dumps(content | {"FrameDuration": [900.0]}), encoding="utf-8")
    refused = two_tasks.refusal("predict", str(row["id"]), psma, "-o", tmp_path / "no.nii.gz")
    assert "18F-PSMA-1007 (TracerName), not FDG: the task fdg-60-to-120@1 is of F-18 FDG" in refused


@pytest.mark.slow
def test_a_cohort_with_a_task_of_its_own_is_trained_on_and_scored_by_it(tmp_path: Path, petbench: Petbench) -> None:
    cohort = tmp_path / "flt"
    cohort.mkdir()
    (cohort / TASK_FILE).write_text(MINE, encoding="utf-8")
    mine = read_task(cohort / TASK_FILE)
    write_cohort(cohort, mine, TracerName="18F-FLT")
    assert f"by the task {mine.id}" in petbench("datasets", "check", cohort).stdout
    petbench("run", "-m", "identity", "--dataset", cohort)
    (board,) = petbench.json("leaderboard")
    assert board["task"] == mine.id
    assert board["rows"][0]["mae_body_suv"] == pytest.approx(mean_error(mine), rel=1e-4)
    refused = petbench.refusal("run", "-m", "identity", "--dataset", cohort, "--task", "fdg-7-21-to-42-63")
    assert "is of 18F-FLT (TracerName), not FDG: the task fdg-7-21-to-42-63@1 is of F-18 FDG" in refused
    petbench("run", "-m", "scale", "--dataset", cohort)
    petbench("submit", "2", "-o", tmp_path / "mine.petbench.zip")
    assert petbench.json("verify", tmp_path / "mine.petbench.zip", "-d", cohort)
    (cohort / TASK_FILE).write_text(MINE.replace("version = 1", "version = 2"), encoding="utf-8")
    for split in (cohort / "splits").glob("*.json"):
        split.unlink()
    petbench("datasets", "split", cohort, "--test", "1", "--validation", "1")
    said = petbench.refusal("verify", tmp_path / "mine.petbench.zip", "-d", cohort)
    assert f"made for the task {mine.id}; flt here is for flt-5-15-to-60-100@2:" in said
