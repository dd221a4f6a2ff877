"""`petbench ensemble`: the mean of several runs as a row of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.made_runs import PIX2PIX

from petbench_datasets.dataset.split import Fold, Split, write_split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command import Petbench

nibabel: Any = untyped_nibabel

SEEDS = (PIX2PIX, (*PIX2PIX, "--seed", "1"), (*PIX2PIX, "--seed", "2"))


def predicted(petbench: Petbench, run: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    folder = petbench.home / "runs" / f"{run['method']}-{run['uid']}" / "predictions"
    files = sorted(path for path in folder.glob("*.nii.gz") if "_sample-" not in path.name)
    return [np.asarray(nibabel.load(file).dataobj, dtype=np.float64) for file in files]


def error_of(run: dict[str, Any]) -> float:
    (value,) = [each["value"] for each in run["scores"] if each["metric"] == "mae_body_suv" and each["participant"]]
    return float(value)


@pytest.mark.slow
def test_an_ensemble_predicts_the_mean_of_its_members_and_bears_their_costs(ran: Callable[..., Petbench]) -> None:
    petbench = ran(*SEEDS)
    made = petbench.json("ensemble", "1", "2", "3")
    members = [petbench.json("runs", "show", str(number)) for number in (1, 2, 3)]
    assert (made["id"], made["method"], made["supervision"]) == (4, "pix2pix-ensemble", "paired")
    expected = np.mean([predicted(petbench, member) for member in members], axis=0)
    assert np.allclose(predicted(petbench, made), expected, atol=1e-5)
    for cost in ("train_seconds", "seconds_per_volume", "images_seen", "parameter_count"):
        assert made[cost] == pytest.approx(sum(member[cost] for member in members)), cost
    assert made["parameters"]["of"] == "seeds"
    assert made["parameters"]["seeds"] == [0, 1, 2]
    assert error_of(made) <= np.mean([error_of(member) for member in members])  # of a mean, always
    assert petbench.json("ensemble", "1", "2", "3")["id"] == 4  # the same members make one row
    assert "pix2pix-ensemble" in petbench("leaderboard").stdout
    # The members are the samples of the mean: the less they agree, the lower the CRPS is beside their errors.
    (spread,) = [each["value"] for each in made["scores"] if each["metric"] == "crps_body_suv" and each["participant"]]
    assert 0 < spread < np.mean([error_of(member) for member in members])


@pytest.mark.slow
def test_a_new_scan_is_predicted_by_every_member(
    ran: Callable[..., Petbench], body_dataset: Path, tmp_path: Path
) -> None:
    petbench = ran(*SEEDS)
    petbench("ensemble", "1", "2")
    (scan,) = body_dataset.glob("sub-01/pet/*rec-early_pet.nii.gz")
    images = []
    for run in ("1", "2", "4"):
        petbench("predict", run, scan, "-o", tmp_path / f"{run}.nii.gz")
        images.append(nibabel.load(tmp_path / f"{run}.nii.gz").get_fdata())
    assert np.allclose(images[2], (images[0] + images[1]) / 2, atol=1e-4)
    petbench("runs", "delete", "2", "--yes")
    said = petbench("predict", "4", scan, "-o", tmp_path / "later.nii.gz", code=2).stderr
    assert "1 of the 2 members of the ensemble, run 4, are not here" in said
    assert not (tmp_path / "later.nii.gz").exists()


@pytest.mark.slow
def test_different_methods_make_an_ensemble_too(ran: Callable[..., Petbench]) -> None:
    petbench = ran("scale", "ridge")
    made = petbench.json("ensemble", "1", "2", "--as", "both")
    assert (made["method"], made["parameters"]["methods"]) == ("both", ["scale", "ridge"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (["1"], "at least two members, each of them once"),
        (["1", "1"], "at least two members, each of them once"),
        (["1", "9"], "no run 9"),
        (["1", "3"], "cannot be a member"),
    ],
)
def test_what_makes_no_ensemble_is_refused_and_nothing_is_entered(
    ran: Callable[..., Petbench], runs: list[str], said: str
) -> None:
    petbench = ran("scale", "ridge")
    petbench("ensemble", "1", "2")
    assert said in petbench("ensemble", *runs, code=(1, 2)).stderr
    assert len(petbench.json("runs", "list")) == 3


@pytest.mark.slow
def test_folds_that_test_other_people_make_no_ensemble_and_folds_that_validate_with_others_do(
    petbench: Petbench, own_bodies: Path
) -> None:
    from petbench_datasets.dataset.reader import open_dataset

    first, second, third, fourth = open_dataset(own_bodies).participants
    print_ = open_dataset(own_bodies).fingerprint
    crossed = (Fold((first, second), (third,), (fourth,)), Fold((first, fourth), (second,), (third,)))
    write_split(own_bodies, Split("crossed", print_, crossed))
    shared = (Fold((first, second), (third,), (fourth,)), Fold((first, third), (second,), (fourth,)))
    write_split(own_bodies, Split("shared", print_, shared))
    for split in ("crossed", "shared"):
        petbench("run", "--method", "ridge", "--dataset", own_bodies, "--split", split, "--fold", "all")
    said = petbench("ensemble", "1", "2", code=2).stderr
    assert "test other participants" in said
    made = petbench.json("ensemble", "3", "4")
    assert (made["parameters"]["of"], made["parameters"]["folds"]) == ("folds", [0, 1])


@pytest.mark.slow
def test_a_prediction_that_was_changed_since_is_noticed(ran: Callable[..., Petbench]) -> None:
    petbench = ran("scale", "ridge")
    (file,) = petbench.home.glob("runs/ridge-*/predictions/*.nii.gz")
    image = nibabel.load(file)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata().astype(np.float32) + 1, image.affine, image.header), file)
    assert file.name in petbench("ensemble", "1", "2", code=1).stderr
    assert len(petbench.json("runs", "list")) == 2


@pytest.fixture
def own_bodies(tmp_path: Path) -> Path:
    from tests.benchmark.conftest import write_body_dataset

    return write_body_dataset(tmp_path / "bodies")
