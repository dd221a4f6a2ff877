"""A run's folder belongs to one row of one leaderboard, whatever else uses the same home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmark.conftest import Petbench

pytestmark = pytest.mark.slow


@pytest.fixture
def second(tmp_path: Path) -> str:
    """The database of a second leaderboard over the same home."""
    return str(tmp_path / "second.db")


def rows(petbench: Petbench, database: str | None = None) -> list[dict[str, Any]]:
    return petbench.json(*(("--db", database) if database else ()), "runs", "list")  # type: ignore[no-any-return]


def test_a_run_of_a_second_leaderboard_trains_its_own_model(
    petbench: Petbench, body_dataset: Path, second: str
) -> None:
    petbench("run", "--method", "scale", "--dataset", body_dataset)
    petbench("--db", second, "run", "--method", "scale", "--dataset", body_dataset)

    (first_row,), (second_row,) = rows(petbench), rows(petbench, second)
    assert (first_row["id"], first_row["identity"]) == (second_row["id"], second_row["identity"])
    assert sorted(path.name for path in (petbench.home / "runs").iterdir()) == sorted(
        f"scale-{row['uid']}" for row in (first_row, second_row)
    )
    shown = petbench.json("--db", second, "runs", "show", "1")
    phases = list(dict.fromkeys(phase["phase"] for phase in shown["phases"]))
    assert [name for name in phases if name not in ("checkpoint", "validation", "warm-up")] == [
        "prepare",
        "train",
        "predict",
        "score",
    ]


def test_an_interrupted_run_of_a_second_leaderboard_does_not_take_the_first_ones_model(
    petbench: Petbench, body_dataset: Path, second: str
) -> None:
    petbench("run", "--method", "scale", "--dataset", body_dataset)
    petbench("--db", second, "run", "--method", "scale", "--dataset", body_dataset)
    (mine,) = rows(petbench, second)
    folder = petbench.home / "runs" / f"scale-{mine['uid']}"
    (folder / "model.pt").unlink()
    with Leaderboard.open(second) as leaderboard:
        leaderboard.update(1, status="interrupted")
    petbench("--db", second, "runs", "resume", "1")
    phases = [phase["phase"] for phase in petbench.json("--db", second, "runs", "show", "1")["phases"]]
    assert phases.count("train") == 2
    assert (folder / "model.pt").exists()


def test_deleting_a_run_of_a_second_leaderboard_leaves_the_first_ones_predictions(
    petbench: Petbench, body_dataset: Path, second: str
) -> None:
    petbench("run", "--method", "identity", "--dataset", body_dataset)
    petbench("--db", second, "run", "--method", "identity", "--dataset", body_dataset)
    (mine,) = rows(petbench)
    petbench("--db", second, "runs", "delete", "1", "--yes")

    assert rows(petbench, second) == []
    assert [path.name for path in (petbench.home / "runs").iterdir()] == [f"identity-{mine['uid']}"]
    assert "scored 1 run again" in petbench("score", "--runs", "1").stdout


def test_deleting_a_merged_row_leaves_the_folder_to_the_leaderboard_that_made_the_run(
    petbench: Petbench, body_dataset: Path, second: str
) -> None:
    petbench("run", "--method", "identity", "--dataset", body_dataset)
    petbench("--db", second, "leaderboard", "merge", petbench.home / "leaderboard.db")
    petbench("--db", second, "runs", "delete", "1", "--yes")

    assert rows(petbench, second) == []
    assert len(list((petbench.home / "runs").glob("identity-*/predictions/*.nii.gz"))) == 1


def test_predict_takes_the_model_of_the_row_that_it_names(
    petbench: Petbench, body_dataset: Path, second: str, tmp_path: Path
) -> None:
    petbench("run", "--method", "scale", "--dataset", body_dataset)
    petbench("--db", second, "run", "--method", "identity", "--dataset", body_dataset)
    scan = next(body_dataset.glob("sub-04/pet/*early_pet.nii.gz"))

    scaled = petbench.json("predict", "1", scan, "-o", tmp_path / "scaled.nii.gz")
    same = petbench.json("--db", second, "predict", "1", scan, "-o", tmp_path / "same.nii.gz")
    assert same["mean_suv"] == same["early_mean_suv"]
    assert scaled["mean_suv"] != same["mean_suv"]


def test_deleting_a_run_removes_its_folder(petbench: Petbench, body_dataset: Path) -> None:
    petbench("run", "--method", "identity", "--dataset", body_dataset)
    petbench("runs", "delete", "1", "--yes")
    assert list((petbench.home / "runs").iterdir()) == []
