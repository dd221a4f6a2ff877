"""Runs on a training part that was divided anew: the file, the runs, their rows and what cannot be done with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.made_once import made_once, shared_folder

import petbench as package
from petbench.errors import UsageError
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from tests.command import Petbench


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shared_folder(tmp_path_factory) / "datasets" / "seven-bodies"
    return made_once(folder, lambda root: write_body_dataset(root, count=7))


def resplit(petbench: Petbench, dataset: Path | str, folder: Path, *more: str) -> Path:
    path = folder / "mine.json"
    petbench("datasets", "split", dataset, "--resplit-training", "-o", path, *more)
    return path


def test_the_file_is_written_here_and_the_dataset_stays_as_it_is(
    petbench: Petbench, seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(seven.rglob("*"))
    asked = ("datasets", "split", seven, "--resplit-training", "--validation", "2", "--seed", "1")
    said = petbench(*asked).stdout
    assert sorted(seven.rglob("*")) == before
    written = json.loads(Path("holdout-training-1.json").read_text(encoding="utf-8"))
    (own,) = load_split(open_dataset(seven)).folds
    (fold,) = written["folds"]
    assert fold["test"] == list(own.test)
    assert len(fold["validation"]) == 2
    assert f"validation {' '.join(fold['validation'])}" in said
    assert "--force to replace it" in petbench(*asked, code=2).stderr
    petbench(*asked, "--force")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--test", "2"), "--test decides who tests"),
        (("--folds", "2"), "--folds decides who tests"),
        (("--leave-out", "sex"), "--leave-out decides who tests"),
        (("-o", "mine.txt"), "must end in .json"),
        (("-o", "mine.json", "--name", "other"), "a split has the name of its file"),
        (("-o", "holdout.json"), "has a split 'holdout' already"),
    ],
)
def test_what_makes_no_sense_beside_it_is_refused(
    petbench: Petbench, seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in petbench("datasets", "split", seven, "--resplit-training", *more, code=2).stderr
    assert list(tmp_path.glob("*.*")) == []


def test_a_file_is_for_a_training_part_that_is_divided_anew_alone(petbench: Petbench, seven: Path) -> None:
    assert "are for --resplit-training" in petbench("datasets", "split", seven, "-o", "x.json", code=2).stderr


def test_another_division_is_another_run_and_the_same_one_elsewhere_is_not(
    petbench: Petbench, seven: Path, tmp_path: Path
) -> None:
    path = resplit(petbench, seven, tmp_path, "--validation", "2", "--seed", "1")
    elsewhere = tmp_path / "elsewhere" / "mine.json"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(path.read_bytes())
    plans = [
        petbench.json("plan", "-m", "scale", "-d", seven, "--split", split)["runs"][0]["identity"]
        for split in ("holdout", path, elsewhere)
    ]
    assert plans[0] != plans[1] == plans[2]


@pytest.mark.slow
def test_a_run_trains_and_validates_by_the_file_and_its_row_and_board_say_so(
    petbench: Petbench, seven: Path, tmp_path: Path
) -> None:
    path = resplit(petbench, seven, tmp_path, "--validation", "2", "--seed", "1")
    (fold,) = json.loads(path.read_text(encoding="utf-8"))["folds"]
    petbench("run", "-m", "scale", "-d", seven)
    row = json.loads(petbench("run", "-m", "scale", "-d", seven, "--split", path, "--no-test", "--json").stdout)
    assert (row["id"], row["status"], row["split"], row["purpose"]) == (2, "ok", "mine", "no-test")
    validated = {file.name[:6] for file in (petbench.home / "runs").glob(f"*{row['uid']}/validation/*")}
    assert validated == set(fold["validation"])
    path.unlink()  # the run has the split itself
    moved = tmp_path / "mine.json"
    resplit(petbench, seven, tmp_path, "--validation", "2", "--seed", "1")
    row = json.loads(petbench("run", "-m", "scale", "-d", seven, "--split", moved, "--json").stdout)
    assert (row["id"], row["purpose"], row["test_participants"]) == (2, "test", fold["test"])
    moved.unlink()
    petbench("score", "--runs", "2")
    boards = petbench.json("leaderboard")
    assert {board["split"]: [run for each in board["rows"] for run in each["runs"]] for board in boards} == {
        "holdout": [1],
        "mine": [2],
    }
    assert "mine/0" in petbench("runs", "list").stdout
    said = petbench("submit", "2", "-o", tmp_path / "x.petbench.zip", code=2).stderr
    assert "a file of your own" in said


def test_python_opens_a_dataset_with_a_split_file(petbench: Petbench, seven: Path, tmp_path: Path) -> None:
    path = resplit(petbench, seven, tmp_path, "--validation", "3")
    with package.Session(home=petbench.home, offline=True) as session:
        opened = package.open_dataset(seven, split=str(path), session=session)
        assert len(opened.names("validation")) == 3
        with pytest.raises(UsageError, match="folds 0 to 0"):
            package.open_dataset(seven, split=str(path), fold=1, session=session).names("test")


@pytest.mark.slow
def test_the_training_part_of_a_registered_dataset_is_divided_anew(petbench: Petbench, tmp_path: Path) -> None:
    said = petbench("datasets", "split", "fdg-phantom-mini", code=2).stderr
    assert "--resplit-training divides anew" in said
    path = resplit(petbench, "fdg-phantom-mini", tmp_path, "--validation", "2", "--seed", "1")
    dataset = open_dataset(petbench.home / "datasets" / "fdg-phantom-mini")
    (own,) = load_split(dataset).folds
    (fold,) = json.loads(path.read_text(encoding="utf-8"))["folds"]
    assert fold["test"] == list(own.test)
    (cell,) = petbench.json("plan", "-m", "scale", "-d", "fdg-phantom-mini", "--split", path)["runs"]
    assert cell["state"] == "missing"
