"""`petbench score` and what belongs to it, from the command line, on a dataset on disk."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result

from petbench.cli.main import cli
from petbench.evaluation import protocol
from petbench.evaluation.samples import sample_path
from petbench.home import Home
from petbench.plans.run_plan import RunPlan
from petbench.runs import scorer
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.score_records import ScoreRow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PETBENCH_OFFLINE", "1")
    return Home(tmp_path / "home")


@pytest.fixture
def two(body_dataset: Path, tmp_path: Path) -> Path:
    """Give a dataset with a split that tests two participants."""
    root = shutil.copytree(body_dataset, tmp_path / "two")
    fold = Fold(("sub-01",), ("sub-02",), ("sub-03", "sub-04"))
    write_split(root, Split("two", open_dataset(root).fingerprint, (fold,)))
    return root


def petbench(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def stored(home: Home) -> list[ScoreRow]:
    """Return the scores of the first run."""
    with Leaderboard.open(home.folder / "leaderboard.db") as store:
        return store.scores([1])


def predict(folder: Path, root: Path) -> Path:
    """Write each test participant's early image as the prediction."""
    dataset = open_dataset(root)
    for name in ("sub-03", "sub-04"):
        write_image(folder / f"{name}.nii.gz", *dataset.early(name))
    return folder


def damage(folder: Path, how: str) -> None:
    """Spoil the predictions in one way."""
    path = folder / "sub-04.nii.gz"
    volume, grid = read_image(path)
    if how == "missing":
        path.unlink()
    elif how == "twice":
        path.write_bytes((folder / "sub-03.nii.gz").read_bytes())
    elif how == "two files":
        write_image(folder / "sub-04.nii", volume, grid)
    elif how == "grid":
        write_image(path, volume[1:], Grid.regular((grid.shape[0] - 1, *grid.shape[1:]), grid.spacing_millimetres))
    elif how == "unit":
        write_image(path, volume * np.float32(3571.0), grid)
    else:
        volume[9, 16, 16] = {"NaN": np.nan, "infinite": np.inf, "negative": -0.5}[how]
        write_image(path, volume, grid)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("NaN", "1 NaN voxel"),
        ("infinite", "1 infinite voxel"),
        ("negative", "1 negative voxel"),
        ("grid", "is not that of the real image"),
        ("missing", "no prediction of sub-04"),
        ("twice", "hold the same voxels"),
        ("two files", "a second prediction of sub-04"),
        ("unit", "which is no SUV"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name_with_nothing_stored(
    tmp_path: Path, home: Home, two: Path, how: str, said: str
) -> None:
    folder = predict(tmp_path / "theirs", two)
    damage(folder, how)
    result = petbench("score", folder, "--dataset", two, "--split", "two", "--as", "their method")
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if not line.endswith(": done"))
    assert "sub-04" in line
    assert said in line
    with Leaderboard.open(home.folder / "leaderboard.db") as store:
        assert store.runs() == []
    assert not list(home.runs.glob("*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give one of: a folder of predictions, --runs, --reference"),
        (("--runs", "all", "--reference", "organ-scale"), "give one of"),
        ((".",), "--as is missing"),
        (("--runs", "all", "--as", "mine"), "means nothing beside --runs"),
        (("--runs", "some"), "write --runs all or --runs ID"),
        (("--reference", "blur"), "'blur' is not one of 'predictable', 'repeat-scan', 'organ-scale'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(home: Home, arguments: tuple[str, ...], said: str) -> None:
    result = petbench("score", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    with Leaderboard.open(home.folder / "leaderboard.db") as store:
        assert store.runs() == []


def test_predictions_of_another_program_stand_on_the_board_and_are_scored_again_under_a_later_protocol(
    tmp_path: Path, home: Home, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = predict(tmp_path / "theirs", two)
    entered = petbench("score", folder, "--dataset", two, "--split", "two", "--as", "Their method")
    assert entered.exit_code == 0, entered.output
    assert "their-method" in entered.stdout
    before = stored(home)
    assert {score.participant for score in before if score.metric == "mae_body_suv"} == {"sub-03", "sub-04"}

    monkeypatch.setattr(scorer, "PROTOCOL", protocol.PROTOCOL + 1)
    again = petbench("score", "--runs", "all")
    assert again.exit_code == 0, again.output
    assert "scored 1 run again" in again.stdout
    with Leaderboard.open(home.folder / "leaderboard.db") as store:
        assert [board.protocol for board in rank(store)] == [protocol.PROTOCOL + 1, protocol.PROTOCOL]
    after = stored(home)
    assert [score for score in after if score.protocol == protocol.PROTOCOL] == before
    later = [replace(score, protocol=protocol.PROTOCOL) for score in after if score not in before]
    assert later == before
    shown = json.loads(petbench("runs", "show", "1", "--json").stdout)
    assert {score["protocol"] for score in shown["scores"]} == {protocol.PROTOCOL + 1}
    assert set(shown["subgroups"]) == {"sub-01", "sub-02", "sub-03", "sub-04"}


def test_samples_are_kept_with_the_predictions_so_that_they_can_be_scored_again(
    tmp_path: Path, home: Home, two: Path
) -> None:
    folder, dataset = predict(tmp_path / "theirs", two), open_dataset(two)
    random = np.random.default_rng(1)
    for name in ("sub-03", "sub-04"):
        early, grid = dataset.early(name)
        for number in range(1, 4):
            sample = (early * random.uniform(0.9, 1.1, early.shape)).astype(np.float32)
            write_image(sample_path(folder, name, number), sample, grid)
    command = ("score", folder, "--dataset", two, "--split", "two", "--as", "Their method")
    assert petbench(*command).exit_code == 0
    first = {score.participant: score.value for score in stored(home) if score.metric == "crps_body_suv"}
    assert set(first) == {"sub-03", "sub-04"}
    sample_path(folder, "sub-03", 3).unlink()
    sample_path(folder, "sub-04", 3).unlink()
    assert petbench(*command).exit_code == 0  # the same predictions with fewer samples: the same run, scored anew
    second = {score.participant: score.value for score in stored(home) if score.metric == "crps_body_suv"}
    assert first != second
    assert petbench("score", "--runs", "all").exit_code == 0
    again = {score.participant: score.value for score in stored(home) if score.metric == "crps_body_suv"}
    assert again == second


def test_a_run_that_cannot_be_scored_again_is_named_and_the_others_are(tmp_path: Path, home: Home, two: Path) -> None:
    folder = predict(tmp_path / "theirs", two)
    for name in ("first", "second"):
        assert petbench("score", folder, "--dataset", two, "--split", "two", "--as", name).exit_code == 0
    (lost,) = home.runs.glob("first-*")
    (lost / "predictions" / "sub-03.nii.gz").unlink()
    result = petbench("score", "--runs", "all")
    assert result.exit_code == 1
    assert "run 1 first keeps its scores" in result.stderr
    assert "scored 1 run again" in result.stdout
    assert "1 of 2 runs could not be scored again" in result.stderr
    assert RunPlan.load(lost / "plan.json").method == "first"
