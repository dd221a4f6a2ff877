"""A run's folder belongs to one row of one leaderboard, whatever else uses the same home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.made_runs import copy_home

from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.benchmark.made_runs import MadeRuns
    from tests.command import Petbench

pytestmark = pytest.mark.slow


def second(petbench: Petbench) -> str:
    """Return the database of a second leaderboard over the same home."""
    return str(petbench.home / "second.db")


def rows(petbench: Petbench, database: str | None = None) -> list[dict[str, Any]]:
    return petbench.json(*(("--db", database) if database else ()), "runs", "list")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def made(made_runs: MadeRuns, body_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which both leaderboards have run `scale`."""
    petbench = made_runs.copy(tmp_path_factory.mktemp("both") / "home", "scale")
    petbench("--db", second(petbench), "run", "--method", "scale", "--dataset", body_dataset)
    return petbench.home


@pytest.fixture
def both(made: Path, tmp_path: Path) -> Petbench:
    return copy_home(made, tmp_path / "home")


def test_a_run_of_a_second_leaderboard_trains_its_own_model(both: Petbench) -> None:
    (first_row,), (second_row,) = rows(both), rows(both, second(both))
    assert (first_row["id"], first_row["identity"]) == (second_row["id"], second_row["identity"])
    assert sorted(path.name for path in (both.home / "runs").iterdir()) == sorted(
        f"scale-{row['uid']}" for row in (first_row, second_row)
    )
    shown = both.json("--db", second(both), "runs", "show", "1")
    phases = list(dict.fromkeys(phase["phase"] for phase in shown["phases"]))
    assert [name for name in phases if name not in ("checkpoint", "validation", "warm-up")] == [
        "prepare",
        "train",
        "predict",
        "score",
    ]


def test_an_interrupted_run_of_a_second_leaderboard_does_not_take_the_first_ones_model(both: Petbench) -> None:
    database = second(both)
    (mine,) = rows(both, database)
    folder = both.home / "runs" / f"scale-{mine['uid']}"
    (folder / "model.pt").unlink()
    with Leaderboard.open(database) as leaderboard:
        leaderboard.update(1, status="interrupted")
    both("--db", database, "runs", "resume", "1")
    phases = [phase["phase"] for phase in both.json("--db", database, "runs", "show", "1")["phases"]]
    assert phases.count("train") == 2
    assert (folder / "model.pt").exists()


def test_deleting_a_run_of_a_second_leaderboard_leaves_the_first_ones_predictions(both: Petbench) -> None:
    (mine,) = rows(both)
    both("--db", second(both), "runs", "delete", "1", "--yes")

    assert rows(both, second(both)) == []
    assert [path.name for path in (both.home / "runs").iterdir()] == [f"scale-{mine['uid']}"]
    assert "scored 1 run again" in both("score", "--runs", "1").stdout


def test_deleting_a_merged_row_leaves_the_folder_to_the_leaderboard_that_made_the_run(
    ran: Callable[..., Petbench],
) -> None:
    petbench = ran("identity")
    petbench("--db", second(petbench), "leaderboard", "merge", petbench.home / "leaderboard.db")
    petbench("--db", second(petbench), "runs", "delete", "1", "--yes")

    assert rows(petbench, second(petbench)) == []
    assert len(list((petbench.home / "runs").glob("identity-*/predictions/*.nii.gz"))) == 1


def test_predict_takes_the_model_of_the_row_that_it_names(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    petbench = ran("scale")
    petbench("--db", second(petbench), "run", "--method", "identity", "--dataset", body_dataset)
    scan = next(body_dataset.glob("sub-04/pet/*early_pet.nii.gz"))

    scaled = petbench.json("predict", "1", scan, "-o", tmp_path / "scaled.nii.gz")
    same = petbench.json("--db", second(petbench), "predict", "1", scan, "-o", tmp_path / "same.nii.gz")
    assert same["mean_suv"] == same["early_mean_suv"]
    assert scaled["mean_suv"] != same["mean_suv"]


def test_deleting_a_run_removes_its_folder(ran: Callable[..., Petbench]) -> None:
    petbench = ran("identity")
    petbench("runs", "delete", "1", "--yes")
    assert list((petbench.home / "runs").iterdir()) == []
