"""Predictions of other programs as rows, on a dataset on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench.errors import UsageError
from petbench.home import Home
from petbench.plans.planner import Place
from petbench.plans.run_plan import RunPlan
from petbench.runs.delete import delete_run
from petbench.runs.external import enter_predictions, score_external
from petbench.runs.lookup import find_folder
from petbench.runs.scorer import Scorer
from petbench_datasets.dataset.reader import Dataset, open_dataset
from petbench_datasets.dataset.split import Fold, Split
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow

GRID = Grid.regular((12, 14, 13), (20.0, 10.0, 10.0))
NAMES = ("sub-01", "sub-02", "sub-03")
WINDOWS = {"early": (420.0, 840.0), "delayed": (2520.0, 1260.0)}
BECQUEREL_PER_SUV = 5000.0  # 350 MBq in 70 kg


def suv(seed: int) -> NDArray[np.float32]:
    volume = np.random.default_rng(seed).gamma(4.0, 0.4, GRID.shape)
    volume[:, :2] = volume[:, -2:] = 0.0
    return volume.astype(np.float32)


def write_scan(path: Path, seed: int, window: str) -> None:
    start, length = WINDOWS[window]
    write_image(path, suv(seed) * np.float32(BECQUEREL_PER_SUV), GRID)
    sidecar = {
        "Units": "Bq/mL",
        "TracerName": "FDG",
        "TracerRadionuclide": "F18",
        "InjectedRadioactivity": 350.0,
        "InjectedRadioactivityUnits": "MBq",
        "TimeZero": "10:00:00",
        "ScanStart": 0,
        "InjectionStart": 0,
        "FrameTimesStart": [start],
        "FrameDuration": [length],
        "ImageDecayCorrected": True,
        "ImageDecayCorrectionTime": 0,
        "ModeOfAdministration": "bolus",
    }
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    root = tmp_path / "three"
    for index, name in enumerate(NAMES):
        for offset, window in enumerate(WINDOWS):
            image = root / name / "pet" / f"{name}_trc-18FFDG_rec-{window}_pet.nii.gz"
            write_scan(image, 10 * index + offset, window)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "three", "BIDSVersion": "1.10.0"}))
    lines = ["participant_id\tbody_weight", *(f"{name}\t70" for name in NAMES)]
    (root / "participants.tsv").write_text("\n".join(lines) + "\n")
    return open_dataset(root)


@pytest.fixture
def leaderboard() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as opened:
        yield opened


def enter(
    home: Home,
    leaderboard: Leaderboard,
    dataset: Dataset,
    folder: Path,
    name: str = "theirs",
    *,
    split: Split | None = None,
    fold: int = 0,
    taken: tuple[str, ...] = (),
) -> RunRow:
    place = Place("mine", dataset, split or split_of(dataset), fold)
    scorer = Scorer(cache=home.cache, offline=True)
    return score_external(place, folder, name, home=home, leaderboard=leaderboard, scorer=scorer, taken=taken)


def split_of(dataset: Dataset) -> Split:
    return Split("holdout", dataset.fingerprint, (Fold(("sub-01",), (), ("sub-02", "sub-03")),))


def predict(folder: Path, dataset: Dataset, names: tuple[str, ...] = ("sub-02", "sub-03")) -> Path:
    for name in names:
        write_image(folder / f"{name}.nii.gz", dataset.pair(name).early, GRID)
    return folder


def body_mae(scores: list[ScoreRow]) -> dict[str | None, float | None]:
    return {score.participant: score.value for score in scores if score.metric == "mae_body_suv"}


def test_predictions_of_another_program_become_a_row_that_can_be_scored_again(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard
) -> None:
    home = Home(tmp_path / "home")
    folder = predict(tmp_path / "theirs", dataset)
    row = enter(home, leaderboard, dataset, folder, "Their Method, v2")
    assert (row.method, row.plugin, row.dataset, row.status) == ("their-method-v2", "external", "mine", "ok")
    assert row.test_participants == ("sub-02", "sub-03")
    found = body_mae(leaderboard.scores([row.id]))
    for name, value in found.items():
        assert name is not None
        pair, body = dataset.pair(name), dataset.body_mask(name)
        assert value == pytest.approx(float(np.abs(pair.early.astype(float) - pair.delayed)[body].mean()))
    run_folder = next(home.runs.iterdir())
    assert RunPlan.load(run_folder / "plan.json").identity == row.identity
    kept, grid = read_image(run_folder / "predictions" / "sub-03.nii.gz")
    np.testing.assert_array_equal(kept, dataset.pair("sub-03").early)
    assert grid.matches(GRID)


def test_the_same_predictions_are_entered_once_and_no_others_take_their_place(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard
) -> None:
    home, folder = Home(tmp_path / "home"), predict(tmp_path / "theirs", dataset)
    first = enter(home, leaderboard, dataset, folder)
    again = enter(home, leaderboard, dataset, folder)
    assert again.id == first.id
    write_image(folder / "sub-02.nii.gz", dataset.pair("sub-02").delayed, GRID)
    with pytest.raises(UsageError, match="theirs has other predictions here already, run 1"):
        enter(home, leaderboard, dataset, folder)
    assert [row.id for row in leaderboard.runs()] == [first.id]
    assert enter(home, leaderboard, dataset, folder, "others").id != first.id


@pytest.mark.parametrize("broken", ["missing", "nan", "grid"])
def test_what_is_refused_leaves_no_row_and_no_folder(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard, broken: str
) -> None:
    home, folder = Home(tmp_path / "home"), predict(tmp_path / "theirs", dataset)
    last = folder / "sub-03.nii.gz"
    if broken == "missing":
        last.unlink()
    elif broken == "nan":
        write_image(last, np.full(GRID.shape, np.nan, dtype=np.float32), GRID)
    else:
        write_image(last, suv(1)[:-1], Grid.regular((11, 14, 13), (20.0, 10.0, 10.0)))
    with pytest.raises(DataError, match="sub-03"):
        enter(home, leaderboard, dataset, folder)
    assert leaderboard.runs() == []
    assert not home.runs.exists()


def test_a_failure_while_storing_takes_the_row_back(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petbench.runs import external

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError("no space left on device")

    folder = predict(tmp_path / "theirs", dataset)
    monkeypatch.setattr(external, "write_image", full)
    with pytest.raises(OSError, match="no space left"):
        enter(Home(tmp_path / "home"), leaderboard, dataset, folder)
    assert leaderboard.runs() == []
    assert list((tmp_path / "home" / "runs").iterdir()) == []


@pytest.mark.parametrize("name", ["Identity", "repeat scan", "pix2pix", "!!"])
def test_a_name_that_means_something_else_is_refused(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard, name: str
) -> None:
    with pytest.raises(UsageError, match="--as"):
        enter(Home(tmp_path), leaderboard, dataset, tmp_path, name, taken=("pix2pix",))
    with pytest.raises(UsageError, match="folds 0 to 0, not 3"):
        enter(Home(tmp_path), leaderboard, dataset, tmp_path, fold=3)


def test_the_folds_of_a_split_entered_under_one_name_make_one_row_that_is_ranked(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard
) -> None:
    folds = (Fold(("sub-03",), (), ("sub-01",)), Fold(("sub-01",), (), ("sub-02", "sub-03")))
    split = Split("two", dataset.fingerprint, folds)
    home, folder = Home(tmp_path / "home"), predict(tmp_path / "theirs", dataset, NAMES)
    enter(home, leaderboard, dataset, folder, split=split, fold=0)
    (board,) = rank(leaderboard)
    assert [(row.rank, str(row.coverage)) for row in board.rows] == [(None, "1/3")]
    enter(home, leaderboard, dataset, folder, split=split, fold=1)
    (board,) = rank(leaderboard)
    assert [(row.rank, str(row.coverage), len(row.run_ids)) for row in board.rows] == [(1, "3/3", 2)]


def test_predictions_that_were_scored_for_a_task_that_has_changed_since_are_refused_until_that_row_is_removed(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard
) -> None:
    home, folder = Home(tmp_path / "home"), predict(tmp_path / "theirs", dataset)
    changed = open_dataset(dataset.root, task=replace(DEFAULT_TASK, hot_suv=2.0))
    first = enter(home, leaderboard, dataset, folder)
    with pytest.raises(UsageError) as caught:
        enter(home, leaderboard, changed, folder)
    assert str(caught.value) == (
        "theirs has these predictions here already, run 1, scored when the task fdg-7-21-to-42-63@1 asked or decided "
        "something else: give the task a new version, or remove that run first by petbench leaderboard remove 1"
    )
    assert enter(home, leaderboard, dataset, folder).id == first.id
    delete_run(first.id, home, leaderboard)
    second = enter(home, leaderboard, changed, folder)
    assert second.task_definition["hot_suv"] == 2.0
    assert {score.convention_id for score in leaderboard.scores([second.id]) if score.metric == "lost_hot_volume"} == {
        "unmatched-volume/body/suv2/real-only@1"
    }
    assert enter(home, leaderboard, changed, folder).id == second.id


def test_predictions_of_petbench_for_a_task_that_has_changed_are_a_row_with_a_folder_of_its_own(
    tmp_path: Path, dataset: Dataset, leaderboard: Leaderboard
) -> None:
    home, folder = Home(tmp_path / "home"), predict(tmp_path / "mean", dataset)
    changed = open_dataset(dataset.root, task=replace(DEFAULT_TASK, hot_suv=2.0))
    for _ in range(2):
        for number, each in enumerate((dataset, changed), start=1):
            place = Place("mine", each, split_of(dataset), 0)
            scorer = Scorer(cache=home.cache, offline=True)
            row = enter_predictions(
                place, folder, "mean", home=home, leaderboard=leaderboard, scorer=scorer, origin="ensemble"
            )
            assert row.id == number
            assert find_folder(row, home).plan().task_definition == each.task.content()
    assert len(list(home.runs.iterdir())) == 2
