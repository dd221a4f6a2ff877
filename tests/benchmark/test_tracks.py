"""Tracks: budgets that the protocol declares, so that no author of a method chooses the one it is compared under."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from petbench.cli.main import PetbenchGroup
from petbench.cli.plan import plan as plan_command
from petbench.contract import Budget
from petbench.errors import UsageError
from petbench.home import Home
from petbench.plans.budgets import describe_budget, describe_budgets
from petbench.plans.sweep import plan_sweep
from petbench.registry import Plugin, Registry, load_plugins
from petbench_datasets.progress import silent
from petbench_datasets.specs import DatasetSpec
from petbench_leaderboard.tracks import TRACKS, track_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from tests.command import Petbench

    from petbench.plans.run_plan import RunPlan

    Plans = Callable[..., list[RunPlan]]

COMMAND = PetbenchGroup("petbench", commands={"plan": plan_command})


@pytest.fixture
def plans(tmp_path: Path, body_dataset: Path) -> Plans:
    """Return what plans runs on a registered dataset with a track of its own."""

    def build(folder: Path, _progress: object) -> None:
        if not folder.exists():
            shutil.copytree(body_dataset, folder)

    def planned(*methods: str, of_dataset: str = "equal-images", **asked: Any) -> list[RunPlan]:
        spec = DatasetSpec("ours", "bodies", build, track=of_dataset)
        own = Plugin(name="ours", distribution="ours", version="1", module="ours", datasets=(spec,))
        registry = Registry([*load_plugins().plugins, own])
        return plan_sweep(methods, "0", "0", {"dataset": "ours"} | asked, Home(tmp_path), registry, silent)

    return planned


def test_on_a_dataset_with_a_track_every_method_trains_by_it_whatever_its_author_set(plans: Plans) -> None:
    budgets = {plan.method: plan.budget for plan in plans("pix2pix", "cyclegan", "unet3d", "unet", "cut", "bridge")}
    assert set(budgets.values()) == {TRACKS["equal-images"]}
    (pix2pix,) = plans("pix2pix")
    assert pix2pix.parameters["images"] == pix2pix.training_budget.images


def test_a_preset_goes_before_no_track_but_a_budget_that_is_asked_for_does(plans: Plans) -> None:
    assert plans("pix2pix", preset="mini")[0].budget == TRACKS["equal-images"]
    assert plans("pix2pix", budget=Budget(images=64))[0].budget == "images=64"
    assert plans("pix2pix", settings=["images=64"])[0].budget == "images=64"
    assert plans("pix2pix", settings=["width=4"])[0].budget == TRACKS["equal-images"]
    assert plans("pix2pix", track="equal-seconds")[0].budget == TRACKS["equal-seconds"]


def test_without_a_track_of_the_dataset_the_preset_s_budget_holds_unless_a_track_is_asked_for(plans: Plans) -> None:
    (preset,) = plans("pix2pix", of_dataset="")
    assert preset.budget == f"images={preset.parameters['images']}"
    assert plans("pix2pix", of_dataset="", track="equal-images")[0].budget == TRACKS["equal-images"]


def test_a_method_that_does_not_train_by_a_budget_is_one_row_within_every_track(plans: Plans) -> None:
    found = [plans("ridge", track=track)[0] for track in (None, *TRACKS)]
    assert {plan.budget for plan in found} == {"images=0"}
    assert len({plan.identity for plan in found}) == 1


@pytest.mark.parametrize("track", TRACKS)
def test_a_track_is_no_second_budget_beside_another(track: str, plans: Plans) -> None:
    for other in ({"budget": Budget(seconds=60.0)}, {"settings": ["images=64"]}):
        with pytest.raises(UsageError, match=f"--track {track} is the budget {TRACKS[track]}; name no other one"):
            plans("pix2pix", track=track, **other)


def test_a_misspelt_track_is_refused_with_the_nearest_name(plans: Plans) -> None:
    with pytest.raises(UsageError, match="did you mean 'equal-images'"):
        plans("pix2pix", track="equal-image")


def test_a_budget_is_told_with_its_track_or_as_outside_of_all(plans: Plans) -> None:
    for track, budget in TRACKS.items():
        assert describe_budget(budget).endswith(f", track {track}")
        assert track_of(budget) == track
    assert describe_budget("images=12000") == "12,000 images, outside of the tracks"
    assert describe_budget("images=0") == "no training budget, within every track"
    two = [*plans("pix2pix", "cyclegan", "ridge"), *plans("pix2pix", budget=Budget(images=64))]
    assert describe_budgets(two) == (
        "ours, split holdout: pix2pix, cyclegan: 40,000 images, track equal-images; "
        "ridge: no training budget, within every track; pix2pix: 64 images, outside of the tracks"
    )


def test_a_dataset_with_a_track_that_there_is_none_of_is_listed_with_its_error() -> None:
    from types import ModuleType

    from petbench import hookimpl

    class Point:
        name, value, dist, group = "odd", "odd", None, "petbench"

        def load(self) -> object:
            module = ModuleType("odd")
            spec = DatasetSpec("odd", "odd", lambda *_: None, track="fastest")
            module.petbench_datasets = hookimpl(lambda: [spec], specname="petbench_datasets")  # type: ignore[attr-defined]
            return module

    points: list[EntryPoint] = [Point()]  # type: ignore[list-item]
    (plugin,) = load_plugins(points).plugins
    assert plugin.error is not None
    assert "'odd' has track 'fastest'; use one of ('equal-images', 'equal-seconds')" in plugin.error


def test_the_command_says_which_track_it_plans_for(tmp_path: Path, body_dataset: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path / "home")})
    arguments = ["plan", "-m", "pix2pix", "-d", str(body_dataset)]
    shown = runner.invoke(COMMAND, [*arguments, "--track", "equal-images"])
    assert shown.output.startswith("bodies, split holdout: pix2pix: 40,000 images, track equal-images\n")
    assert "outside of the tracks" in runner.invoke(COMMAND, arguments).output
    (run,) = json.loads(runner.invoke(COMMAND, [*arguments, "--track", "equal-seconds", "--json"]).stdout)["runs"]
    assert (run["budget"], run["track"]) == (TRACKS["equal-seconds"], "equal-seconds")
    both = runner.invoke(COMMAND, [*arguments, "--track", "equal-images", "--budget", "images=64"])
    assert both.exit_code == 2
    assert "name no other one beside it" in both.output


@pytest.mark.slow
def test_the_first_line_of_a_run_says_which_track_it_is_in(petbench: Petbench, body_dataset: Path) -> None:
    shown = petbench("run", "-m", "scale", "-d", body_dataset, "--track", "equal-images")
    first = shown.stderr.splitlines()[0]
    assert first == "bodies, split holdout: scale: no training budget, within every track"


def test_a_request_names_whatever_the_command_line_does() -> None:
    from petbench.plans.sweep_file import SweepFile
    from petbench.plans.sweep_request import SweepRequest

    other = {"seed": "seeds", "fold": "folds", "compile_": "compile", "time_limit": "time_limit_seconds"}
    options = {option.name or "" for option in plan_command.params} - {"config", "write_config", "as_json"}
    names = {other.get(name, name) for name in options}
    assert names == {field.name for field in dataclasses.fields(SweepRequest)} | {"preset", "settings"}
    assert names == set(SweepFile.model_fields)
