"""Ensembles that a sweep ends in, refused before anything is trained; and how a plan says that its runs may end."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.benchmark.made_runs import PIX2PIX

from petbench.errors import UsageError
from petbench.plans.endings import ending
from petbench.plans.ensembles import planned_ensembles
from petbench.plans.planner import Place, Request, plan_on
from petbench.registry import load_plugins
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, load_split, write_split

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

    from petbench.plans.run_plan import RunPlan

nibabel: Any = untyped_nibabel

PATIENT = "training ends after 3 of 40 validations without an improvement of 0.2 %"


@pytest.fixture(scope="module")
def plan(body_dataset: Path) -> RunPlan:
    dataset = open_dataset(body_dataset)
    return plan_on(Request(method="unet"), Place("bodies", dataset, load_split(dataset, "holdout")), load_plugins())


def variants(plan: RunPlan, *, seeds: int = 1, folds: int = 1, people: bool = False, **changes: Any) -> list[RunPlan]:
    return [
        dataclasses.replace(
            plan, seed=seed, fold=fold, test_participants=(f"sub-0{fold}",) if people else ("sub-04",), **changes
        )
        for fold in range(folds)
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(
    ("which", "seeds", "folds", "found"),
    [
        ("seeds", 3, 1, ["unet, seeds 0, 1, 2 of fold 0"]),
        ("seeds", 2, 2, ["unet, seeds 0, 1 of fold 0", "unet, seeds 0, 1 of fold 1"]),
        ("folds", 2, 3, ["unet, folds 0, 1, 2 of seed 0", "unet, folds 0, 1, 2 of seed 1"]),
        ("all", 2, 2, ["unet, seeds 0, 1 of fold 0, 1"]),
        ("all", 1, 2, ["unet, seeds 0 of fold 0, 1"]),
    ],
)
def test_what_is_averaged_of_seeds_and_folds(
    plan: RunPlan, which: Any, seeds: int, folds: int, found: list[str]
) -> None:
    ensembles = planned_ensembles(variants(plan, seeds=seeds, folds=folds), which)
    assert [str(each) for each in ensembles] == found
    assert sum(len(each.members) for each in ensembles) == seeds * folds


def test_settings_are_never_mixed_and_what_is_declined_makes_none(plan: RunPlan) -> None:
    other = variants(plan, seeds=2, parameters={**plan.parameters, "width": 8})
    declined = variants(plan, seeds=2, method="asks", declined="asks needs ct")
    found = planned_ensembles([*variants(plan, seeds=2), *other, *declined], "seeds")
    assert [len({dataclasses.replace(m, seed=0).identity for m in each.members}) for each in found] == [1, 1]


@pytest.mark.parametrize(
    ("which", "changes", "said"),
    [
        ("seeds", {}, "there is one run of unet, seeds 0 of fold 0; ask for several seeds, as --seed 0..4"),
        ("seeds", {"folds": 2}, "there is one run of unet, seeds 0 of fold 0"),
        ("folds", {"seeds": 2}, "there is one run of unet, folds 0 of seed 0; ask for several folds, as --fold all"),
        ("all", {}, "ask for several seeds or folds"),
        ("folds", {"folds": 2, "people": True}, "folds 0 and 1 of the split 'holdout' test other participants"),
        ("all", {"folds": 2, "people": True}, "test other participants"),
        ("seeds", {"seeds": 2, "purpose": "no-test"}, "leave out --no-test"),
    ],
)
def test_what_makes_no_ensemble_is_refused_from_the_plans_alone(
    plan: RunPlan, which: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        planned_ensembles(variants(plan, **changes), which)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, ""),
        ({"patience": 0, "selection": "last", "validations": 5, "patience_tolerance": 0.001}, ""),
        ({"selection": "best"}, "the weights of the lowest validation MAE predict"),
        (
            {"patience": 3, "selection": "best", "validations": 40, "patience_tolerance": 0.002},
            f"{PATIENT}, and the weights of the lowest validation MAE predict",
        ),
    ],
)
def test_how_a_training_may_end_is_said_where_it_is_not_the_default(
    plan: RunPlan, parameters: dict[str, Any], said: str
) -> None:
    assert ending(dataclasses.replace(plan, parameters=parameters)) == said


@pytest.mark.slow
def test_a_sweep_ends_in_its_ensemble_with_scores_of_validation_and_a_file_says_so_too(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    words = ("--dataset", body_dataset, "--method", *PIX2PIX, "--set", "selection=best", "--seed", "0..1")
    config = tmp_path / "sweep.toml"
    said = petbench("plan", *words, "--ensemble", "seeds", "--write-config", config).stdout
    assert "pix2pix: the weights of the lowest validation MAE predict" in said
    assert "then the ensemble of pix2pix, seeds 0, 1 of fold 0: one row" in said
    assert 'ensemble = "seeds"' in config.read_text()
    planned = petbench.json("plan", "--config", config)
    assert [run["ending"] for run in planned["runs"]] == ["the weights of the lowest validation MAE predict"] * 2
    assert planned["ensembles"] == [{"of": "seeds", "members": [run["identity"] for run in planned["runs"]]}]
    first, second, entered = json.loads(petbench("run", "--config", config, "--json").stdout)["runs"]
    assert (entered["run"], entered["members"], entered["ensemble"]) == (3, [first["run"], second["run"]], "seeds")
    members = [petbench.json("runs", "show", str(number)) for number in (1, 2)]
    row = petbench.json("runs", "show", "3")
    assert row["train_seconds"] == pytest.approx(sum(member["train_seconds"] for member in members))
    assert row["validation_score"] == entered["validation_score"] is not None
    folders = [petbench.home / "runs" / f"{run['method']}-{run['uid']}" for run in (*members, row)]
    for part, who in (("predictions", "sub-04"), ("validation", "sub-03")):
        images = [nibabel.load(folder / part / f"{who}.nii.gz").get_fdata() for folder in folders]
        assert np.allclose(images[2], (images[0] + images[1]) / 2, atol=1e-4), part
    again = json.loads(petbench("run", "--config", config, "--json").stdout)["runs"]
    assert [run["run"] for run in again] == [1, 2, 3]
    petbench("score", "--runs", "3")
    assert petbench.json("runs", "show", "3")["validation_score"] == pytest.approx(row["validation_score"])


@pytest.mark.slow
def test_ensembles_of_seeds_in_every_fold_make_one_row_of_the_cross_validation(
    petbench: Petbench, tmp_path: Path
) -> None:
    root = write_body_dataset(tmp_path / "bodies")
    first, second, third, fourth = open_dataset(root).participants
    folds = (Fold((first, second), (third,), (fourth,)), Fold((first, fourth), (second,), (third,)))
    write_split(root, Split("crossed", open_dataset(root).fingerprint, folds))
    words = ("run", "--dataset", root, "--split", "crossed", "--fold", "all", "--method", *PIX2PIX, "--seed", "0..1")
    refused = petbench(*words, "--ensemble", "folds", code=2).stderr
    assert "folds 0 and 1 of the split 'crossed' test other participants" in refused
    assert petbench.json("runs", "list") == []
    petbench(*words, "--ensemble", "seeds")
    (board,) = petbench.json("leaderboard", "--dataset", "bodies")
    (row,) = [row for row in board["rows"] if row["method"] == "pix2pix-ensemble"]
    assert len(row["runs"]) == 2


@pytest.mark.slow
def test_an_ensemble_with_a_member_that_did_not_end_well_is_not_made_and_says_so(
    petbench: Petbench, body_dataset: Path
) -> None:
    words = ("run", "--dataset", body_dataset, "--method", "scale", "--seed", "0..1", "--ensemble", "seeds")
    result = petbench(*words, "--time-limit", "0.01", code=1)
    assert "not made: 2 of its 2 members did not end well; repeat the command" in result.stderr
