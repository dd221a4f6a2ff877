"""A trained run is tested on another cohort without training, and its row says where it was trained."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.benchmark.conftest import GRID, write_body_dataset
from tests.benchmark.made_runs import PIX2PIX

from petbench.errors import DataError
from petbench.runs.on_model_grid import fit_grid, on_model_grid, renumbered
from petbench.scan import Scan
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.nifti import read_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_writer import write_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

SEED_1 = (*PIX2PIX, "--seed", "1")


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    return write_body_dataset(tmp_path / "clinic", 3, seed=7)


def predictions_of(petbench: Petbench, row: dict[str, Any]) -> dict[str, Path]:
    """Return the prediction files of a row, by participant."""
    (folder,) = petbench.home.glob(f"runs/{row['method']}-{row['uid']}")
    return {path.name.removesuffix(".nii.gz"): path for path in (folder / "predictions").glob("sub-??.nii.gz")}


@pytest.mark.slow
def test_seeds_of_a_method_make_one_row_of_the_external_test_with_its_own_name_and_origin(
    ran: Callable[..., Petbench], clinic: Path
) -> None:
    petbench = ran(PIX2PIX, SEED_1)
    rows = petbench.json("evaluate", "1", "2", "--dataset", clinic)
    assert [row["method"] for row in rows] == ["pix2pix-from-bodies"] * 2
    assert [row["parameters"]["trained_on"] for row in rows] == ["bodies"] * 2
    assert [row["seed"] for row in rows] == [0, 1]
    assert {row["dataset"] for row in rows} == {"clinic"}
    assert {row["budget"] for row in rows} == {"images=64"}  # that of the training
    assert rows[0]["test_participants"] == ["sub-01", "sub-02", "sub-03"]
    (board,) = petbench.json("leaderboard", "--dataset", "clinic")
    (row,) = board["rows"]
    assert row["method"] == "pix2pix-from-bodies"
    assert row["seeds"] == [0, 1]


@pytest.mark.slow
def test_what_is_scored_is_what_predict_writes_for_the_same_scan_and_its_score_is_that_of_those_voxels(
    ran: Callable[..., Petbench], clinic: Path, tmp_path: Path
) -> None:
    petbench = ran(PIX2PIX)
    (row,) = petbench.json("evaluate", "1", "--dataset", clinic)
    (scan,) = clinic.glob("sub-02/pet/*early*.nii.gz")
    petbench("predict", "1", scan, "-o", tmp_path / "delayed.nii.gz")
    predicted, _ = read_image(predictions_of(petbench, row)["sub-02"])
    by_predict, _ = read_image(tmp_path / "delayed.nii.gz")
    np.testing.assert_array_equal(predicted, by_predict)
    dataset = open_dataset(clinic)
    real, body = dataset.delayed("sub-02")[0], dataset.body_mask("sub-02")
    error = float(np.abs(predicted.astype(np.float64) - real)[body].mean())
    (scored,) = (
        each["value"]
        for each in row["scores"]
        if each["participant"] == "sub-02" and (each["metric"], each["region"]) == ("mae_body_suv", "body")
    )
    assert scored == pytest.approx(error, rel=1e-6)


@pytest.mark.slow
def test_a_cohort_of_another_grid_is_scored_on_its_own_grid(ran: Callable[..., Petbench], tmp_path: Path) -> None:
    fine = write_body_dataset(tmp_path / "bodies-fine", 2, seed=7)
    petbench = ran("identity")
    petbench("datasets", "resample", fine, "--out", tmp_path / "fine", "--to", "10,9,9")
    (row,) = petbench.json("evaluate", "1", "--dataset", tmp_path / "fine")
    dataset = open_dataset(tmp_path / "fine")
    early, grid = dataset.early("sub-01")
    assert grid.shape != GRID.shape
    predicted, own = read_image(predictions_of(petbench, row)["sub-01"])
    assert own.matches(grid)
    there = fit_grid(grid, GRID)
    np.testing.assert_allclose(predicted, resample(resample(early, grid, there), there, grid), rtol=1e-6)


@pytest.mark.slow
def test_the_same_test_is_done_once_and_again_only_where_that_is_asked_for(
    ran: Callable[..., Petbench], clinic: Path
) -> None:
    petbench = ran("scale")
    (first,) = petbench.json("evaluate", "1", "--dataset", clinic)
    file = predictions_of(petbench, first)["sub-01"]
    file.unlink()
    (known,) = petbench.json("evaluate", "1", "--dataset", clinic)
    assert known["id"] == first["id"]
    assert not file.exists()
    (again,) = petbench.json("evaluate", "1", "--dataset", clinic, "--force")
    assert (again["id"], again["scores"]) == (first["id"], first["scores"])
    assert file.exists()


@pytest.mark.slow
def test_on_the_cohorts_own_split_the_row_stands_beside_what_was_trained_there(
    ran: Callable[..., Petbench], clinic: Path
) -> None:
    petbench = ran("scale")
    petbench("run", "--method", "scale", "--dataset", clinic)
    petbench("evaluate", "1", "--dataset", clinic, "--split", "holdout")
    (board,) = petbench.json("leaderboard", "--dataset", "clinic")
    assert {row["method"] for row in board["rows"]} == {"scale", "scale-from-bodies"}
    latex = petbench("leaderboard", "--dataset", "clinic", "--latex").stdout
    assert "scale-from-bodies" in latex
    petbench("report", "-o", petbench.home / "report")
    pages = [path.read_text(encoding="utf-8") for path in (petbench.home / "report").rglob("*.html")]
    assert any("scale-from-bodies" in page and "trained_on" in page for page in pages)


@pytest.mark.slow
def test_nobody_whom_the_model_has_met_tests_it_whatever_they_are_called_there(
    ran: Callable[..., Petbench], body_dataset: Path, clinic: Path
) -> None:
    petbench = ran("scale")
    for path in sorted(body_dataset.glob("sub-02/pet/*")):
        shutil.copy(path, clinic / "sub-03" / "pet" / path.name.replace("sub-02", "sub-03"))
    refused = petbench("evaluate", "1", "--dataset", clinic, code=2).stderr
    assert "sub-03 of clinic has the same voxels as sub-02, on whom run 1 was trained or validated" in refused
    assert len(petbench.json("runs", "list")) == 1


@pytest.mark.slow
def test_what_has_no_model_cannot_be_evaluated(ran: Callable[..., Petbench], clinic: Path) -> None:
    petbench = ran("scale")
    assert "run 9" in petbench("evaluate", "9", "--dataset", clinic, code=(1, 2)).stderr
    (entered,) = petbench.json("evaluate", "1", "--dataset", clinic)
    refused = petbench("evaluate", str(entered["id"]), "--dataset", clinic, code=2).stderr
    assert f"run {entered['id']} has no model of its own" in refused
    (model,) = petbench.home.glob("runs/scale-*/model.pt")
    model.unlink()
    assert "run 1 has no model here" in petbench("evaluate", "1", "--dataset", clinic, "--force", code=2).stderr


def test_a_split_of_everyone_trains_nothing(petbench: Petbench, body_dataset: Path) -> None:
    refused = petbench("run", "--method", "scale", "--dataset", body_dataset, "--split", "everyone", code=2).stderr
    assert "the split 'everyone' has nobody to train" in refused


def test_labels_go_by_their_names_and_what_the_model_does_not_know_is_no_label() -> None:
    labels = np.asarray([[[0, 1, 2, 7]]], dtype=np.int16)
    names = {1: "liver", 2: "spleen", 7: "lamp"}
    np.testing.assert_array_equal(renumbered(labels, names, {5: "spleen", 3: "liver"}), [[[0, 3, 5, 0]]])
    with pytest.raises(DataError, match="none of its labels is called as one that the model knows, such as heart"):
        renumbered(labels, names, {1: "heart"})


def test_every_image_of_a_scan_comes_to_the_models_grid_and_a_ramp_stays_that_ramp() -> None:
    own, model = Grid.regular((12, 10, 10), (4.0, 4.0, 4.0)), Grid.regular((3, 8, 8), (6.0, 5.0, 5.0))
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32)[:, None, None], own.shape).copy()
    scan = Scan(ramp, spacing_mm=own.spacing_millimetres, frames=np.stack([ramp, 2 * ramp]), ct=ramp - 1000)
    there = fit_grid(own, model)
    assert there.shape == (8, 8, 8)
    found = on_model_grid(scan, own, there, {})
    assert found.spacing_mm == (6.0, 5.0, 5.0)
    # Slice k of 6 mm lies 6 k - 21 mm from the centre, where slice j of 4 mm lies 4 j - 22 mm.
    expected = (6.0 * np.arange(8) - 21.0 + 22.0) / 4.0
    np.testing.assert_allclose(found.early[1:-1, 4, 4], expected[1:-1], atol=1e-4)
    assert found.frames is not None
    assert found.ct is not None
    np.testing.assert_allclose(found.frames[1], 2 * found.early, atol=1e-4)
    np.testing.assert_allclose(found.ct[1:-1, 4, 4], expected[1:-1] - 1000, atol=1e-3)


@pytest.mark.slow
def test_from_python_it_is_the_same_row(ran: Callable[..., Petbench], clinic: Path) -> None:
    import petbench as library

    command = ran("scale")
    with library.Session(home=command.home, offline=True) as session:
        run = library.evaluate(1, clinic, session=session)
        assert run.row.method == "scale-from-bodies"
        assert run.row.parameters["trained_on"] == "bodies"
    (row,) = command.json("evaluate", "1", "--dataset", clinic)
    assert row["id"] == run.id
    assert json.dumps(row["scores"])


@pytest.mark.slow
def test_a_model_is_tested_on_the_task_that_it_was_trained_for(ran: Callable[..., Petbench], clinic: Path) -> None:
    import petbench as library

    command = ran("scale")
    own = dataclasses.replace(DEFAULT_TASK, name="ours", of_file=True)
    write_task(clinic, own)
    with library.Session(home=command.home, offline=True) as session:
        opened = library.open_dataset(clinic, split="everyone", session=session)
        with pytest.raises(library.PetbenchError, match=f"for the task {DEFAULT_TASK.id}, and clinic was opened for"):
            library.evaluate(1, opened, session=session)
    (row,) = command.json("evaluate", "1", "--dataset", clinic)  # which opens the cohort for the run's task
    assert row["task"] == DEFAULT_TASK.id
