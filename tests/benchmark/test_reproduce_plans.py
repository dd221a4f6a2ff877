"""The runs of `petbench reproduce`: which there are, what they share, and in which order they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.conftest import write_body_dataset

from petbench.contract import DatasetShape
from petbench.errors import UsageError
from petbench.home import Home
from petbench.methods import parameters
from petbench.plans.run_plan import parse_budget
from petbench.registry import load_plugins
from petbench.reproduce.agenda import Agenda
from petbench.reproduce.experiment import PARTS, RUN_SETS, Cell, Experiment, Planner
from petbench.reproduce.outlook import look_ahead
from petbench.reproduce.paper import METHODS, REFERENCES
from petbench.reproduce.profiles import (
    COMPLETE_SEEDS,
    FULL,
    NORM,
    PROFILES,
    RATE_SEED,
    RATES,
    REDUCED,
    TRIAL,
    default_profile,
)
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.progress import silent
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.tracks import TRACKS, track_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench.reproduce.experiment import Part

OWN = {
    "pix2pix": {"gan_loss", "l1_weight", "feature_weight"},
    "cyclegan": {"gan_loss", "cycle_weight", "identity_weight", "pool_size"},
}
"""What each method's paper says of itself alone."""


def planner(dataset: Path, home: Path, seeds: tuple[int, ...] = (3, 1), split: str = "holdout") -> Planner:
    experiment = Experiment(dataset=str(dataset), split=split, seeds=seeds, profile=REDUCED, device="cpu")
    return Planner(experiment, Home(home), load_plugins(), silent)


@pytest.fixture
def leaderboard(tmp_path: Path) -> Iterator[Leaderboard]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        yield store


def with_best_rates(agenda: Agenda, best: dict[str, int], store: Leaderboard) -> None:
    """Enter the runs of the grid as ended; `best` says which is the best on validation, by its place in the grid."""
    metric = next(metric for metric in load_plugins().metrics() if metric.name == "psnr_body_suv20")
    for cell in agenda.cells():
        if cell.part != "rates" or cell.plan.method not in best:
            continue
        assert cell.rate is not None
        run_id = store.plan(cell.plan.record())
        store.update(
            run_id,
            status="ok",
            validation_score=31.0 - abs(RATES.index(cell.rate) - best[cell.plan.method]),
            validation_metric=metric.name,
            validation_convention=metric.convention_id,
        )


def make_agenda(made: Planner, store: Leaderboard, only: Sequence[Part] = PARTS) -> Agenda:
    return Agenda(made, store, load_plugins().metrics(), only)


def described(cells: Sequence[Cell]) -> list[tuple[str, str, float | None, int]]:
    return [(cell.part, cell.plan.method, cell.rate, cell.plan.seed) for cell in cells]


def test_references_come_first_then_the_grid_and_nothing_else_before_its_rates_are_chosen(
    body_dataset: Path, tmp_path: Path, leaderboard: Leaderboard
) -> None:
    agenda = make_agenda(planner(body_dataset, tmp_path), leaderboard)
    grid = [("rates", method, rate, RATE_SEED) for rate in RATES for method in METHODS]
    assert described(agenda.cells()) == [*(("references", name, None, 3) for name in REFERENCES), *grid]
    waiting = {(cell.part, cell.plan.method, cell.plan.seed) for cell in agenda.waiting()}
    assert waiting == {(name, method, seed) for name in RUN_SETS for method in METHODS for seed in (3, 1)}


def test_a_method_whose_rate_is_chosen_waits_for_no_other(
    body_dataset: Path, tmp_path: Path, leaderboard: Leaderboard
) -> None:
    agenda = make_agenda(planner(body_dataset, tmp_path), leaderboard)
    with_best_rates(agenda, {"cyclegan": 1}, leaderboard)
    compared = [cell for cell in agenda.cells() if cell.part in RUN_SETS]
    assert described(compared) == [(name, "cyclegan", RATES[1], seed) for name in RUN_SETS for seed in (3, 1)]
    assert {cell.plan.method for cell in agenda.waiting()} == {"pix2pix"}


def test_every_set_is_run_at_the_rate_of_its_method_in_pairs_seed_by_seed(
    body_dataset: Path, tmp_path: Path, leaderboard: Leaderboard
) -> None:
    agenda = make_agenda(planner(body_dataset, tmp_path), leaderboard)
    with_best_rates(agenda, {"pix2pix": 2, "cyclegan": 0}, leaderboard)
    compared = [cell for cell in agenda.cells() if cell.part in RUN_SETS]
    best = {"pix2pix": RATES[2], "cyclegan": RATES[0]}
    assert described(compared) == [
        (name, method, best[method], seed) for name in RUN_SETS for seed in (3, 1) for method in METHODS
    ]
    assert agenda.waiting() == []
    assert all(cell.plan.parameters["learning_rate"] == cell.rate for cell in compared)


def test_under_equal_images_the_run_of_the_grid_is_not_made_twice(
    body_dataset: Path, tmp_path: Path, leaderboard: Leaderboard
) -> None:
    made = planner(body_dataset, tmp_path, seeds=(RATE_SEED, 1))
    agenda = make_agenda(made, leaderboard)
    with_best_rates(agenda, {"pix2pix": 1, "cyclegan": 1}, leaderboard)
    of_grid = next(cell for cell in made.rates("pix2pix") if cell.rate == RATES[1])
    of_set = next(cell for cell in agenda.run_set("equal-images", "pix2pix") if cell.plan.seed == RATE_SEED)
    assert of_set.plan.identity == of_grid.plan.identity
    ahead = look_ahead(agenda, leaderboard)
    assert [one.cell.plan.method for one in ahead if one.state == "shared"] == ["pix2pix", "cyclegan"]
    assert len(ahead) == len(REFERENCES) + 2 * len(RATES) + 3 * 2 * 2


@pytest.mark.parametrize("only", [("rates",), ("equal-seconds",), ("converged", "equal-images")])
def test_only_some_parts_are_run_with_what_they_need(
    only: tuple[Part, ...], body_dataset: Path, tmp_path: Path, leaderboard: Leaderboard
) -> None:
    agenda = make_agenda(planner(body_dataset, tmp_path), leaderboard, only)
    with_best_rates(agenda, {"pix2pix": 2, "cyclegan": 0}, leaderboard)
    assert {cell.part for cell in agenda.cells()} == {"references", "rates", *only}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
@pytest.mark.parametrize("name", RUN_SETS)
def test_both_methods_have_the_same_networks_budget_and_training(
    profile: Any, name: Any, body_dataset: Path, tmp_path: Path
) -> None:
    experiment = Experiment(dataset=str(body_dataset), split="holdout", seeds=(0,), profile=profile, device="cpu")
    made = Planner(experiment, Home(tmp_path), load_plugins(), silent)
    plans = {method: made.run_set(name, method, 5e-4)[0].plan for method in METHODS}
    shared = [
        {key: value for key, value in plan.parameters.items() if key not in OWN[method]}
        for method, plan in plans.items()
    ]
    assert shared[0] == shared[1]
    assert len({(plan.budget, plan.precision, plan.protocol, plan.fingerprint) for plan in plans.values()}) == 1
    assert shared[0]["residual"] is False


@pytest.mark.parametrize("profile", [FULL, REDUCED], ids=["full", "reduced"])
def test_equal_images_and_equal_seconds_are_the_tracks_of_the_protocol(profile: Any) -> None:
    for track, budget in TRACKS.items():
        assert profile.budgets[track] == budget
        assert track_of(profile.budgets[track]) == track
    assert track_of(TRIAL.budgets["equal-images"]) is None, "a trial must not look like a comparison"


def test_the_networks_of_a_cpu_are_those_that_its_page_names(body_dataset: Path, tmp_path: Path) -> None:
    plan = planner(body_dataset, tmp_path).run_set("equal-images", "pix2pix", 1e-3)[0].plan
    wanted = {
        "generator": "unet", "depth": 5, "width": 16, "residual": False, "norm": NORM, "discriminator_layers": 2,
        "discriminator_width": 16, "batch_size": 16, "learning_rate": 1e-3, "images": 40_000, "patience": 0,
    }  # fmt: skip
    assert {key: plan.parameters[key] for key in wanted} == wanted


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_training_until_validation_no_longer_improves_is_not_ended_by_a_falling_rate(profile: Any) -> None:
    shape = DatasetShape(participants=40, slices=4000, matrix=(64, 64))
    chosen = {**profile.settings, **profile.until_converged}
    settings = [f"{name}={str(value).lower()}" for name, value in chosen.items()]
    for method in METHODS:
        spec, _ = load_plugins().method(method)
        assert parameters.choose_preset(spec, profile.preset, shape) == profile.preset
        found = parameters.resolve(spec, profile.preset, settings, parse_budget(profile.budgets["converged"]))
        assert found["patience"] > 0
        assert found["decay_start"] == 1
        assert found["selection"] == "best"


def test_every_fold_is_planned_with_the_participants_that_it_predicts(tmp_path: Path) -> None:
    root = write_body_dataset(tmp_path / "bodies")
    names = ("sub-01", "sub-02", "sub-03", "sub-04")
    folds = tuple(Fold((names[index - 3], names[index - 2]), (names[index - 1],), (names[index],)) for index in (2, 3))
    write_split(root, Split("cv2", open_dataset(root).fingerprint, folds))
    made = planner(root, tmp_path, seeds=(0, 1), split="cv2")
    plans = [cell.plan for cell in made.run_set("converged", "cyclegan", 5e-4)]
    assert [(plan.seed, plan.fold, plan.test_participants) for plan in plans] == [
        (0, 0, ("sub-03",)), (0, 1, ("sub-04",)), (1, 0, ("sub-03",)), (1, 1, ("sub-04",)),
    ]  # fmt: skip
    assert {plan.split_participants for plan in plans} == {("sub-03", "sub-04")}
    assert len(made.rates("cyclegan")) == 2 * len(RATES)
    assert len(made.references()) == 2 * len(REFERENCES)


def test_a_split_in_which_nobody_validates_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    root = write_body_dataset(tmp_path / "bodies")
    fold = Fold(("sub-01", "sub-02", "sub-03"), (), ("sub-04",))
    write_split(root, Split("all-train", open_dataset(root).fingerprint, (fold,)))
    with pytest.raises(UsageError, match="fold 0 of the split 'all-train' has no validation participants"):
        planner(root, tmp_path, split="all-train")


def test_a_cuda_device_gets_the_published_widths_and_any_other_the_narrow_ones() -> None:
    assert default_profile("cuda") is FULL
    assert default_profile("cpu") is REDUCED
    assert (FULL.dataset, FULL.split) == ("fdg-phantom", "cv6")
    assert (REDUCED.dataset, REDUCED.split) == ("fdg-phantom-60", "holdout")
    assert COMPLETE_SEEDS >= 5
