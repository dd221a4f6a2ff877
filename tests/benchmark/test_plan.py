"""`petbench plan`: what is cached, missing or stale, and why, and what the rest would take."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from petbench.cli.main import PetbenchGroup
from petbench.cli.plan import plan as plan_command
from petbench.errors import UsageError
from petbench.home import Home
from petbench.plans.forecast import forecast
from petbench.plans.sweep import parse_numbers, parse_seeds, plan_sweep
from petbench.registry import load_plugins
from petbench_datasets.progress import silent
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan

COMMAND = PetbenchGroup("petbench", commands={"plan": plan_command})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Leaderboard]:
    with Leaderboard.open(f"sqlite:///{tmp_path / 'leaderboard.db'}") as opened:
        yield opened


@pytest.fixture
def planned(tmp_path: Path, body_dataset: Path) -> RunPlan:
    asked = {"dataset": str(body_dataset)}
    (plan,) = plan_sweep(["pix2pix"], "0", "0", asked, Home(tmp_path), load_plugins(), silent)
    return plan


def record(store: Leaderboard, plan: RunPlan, status: Any = "ok", rate: float = 100.0) -> int:
    run_id = store.plan(plan.record())
    store.update(run_id, status=status, images_per_second=rate, train_seconds=1.0, ended_at=datetime.now(UTC))
    store.record_phase(run_id, "prepare", 2.0)
    store.record_phase(run_id, "train", 99.0)
    store.record_phase(run_id, "score", 3.0)
    return run_id


def test_a_run_that_is_there_is_cached_and_costs_nothing(store: Leaderboard, planned: RunPlan) -> None:
    run_id = record(store, planned)
    (cell,) = forecast([planned], store)
    assert (cell.state, cell.run, cell.seconds) == ("cached", run_id, 0.0)


def test_another_seed_is_missing_and_its_time_follows_from_past_runs(store: Leaderboard, planned: RunPlan) -> None:
    record(store, planned, rate=100.0)
    (cell,) = forecast([dataclasses.replace(planned, seed=1)], store)
    assert planned.training_budget.images is not None
    assert (cell.state, cell.why) == ("missing", ())
    assert cell.seconds == pytest.approx(2.0 + 3.0 + planned.training_budget.images / 100.0)


def test_a_warm_up_counts_once_whatever_the_unit_of_the_budget(store: Leaderboard, planned: RunPlan) -> None:
    run_id = record(store, planned, rate=100.0)
    store.record_phase(run_id, "warm-up", 7.0)
    in_images, in_seconds = forecast(
        [dataclasses.replace(planned, seed=1, budget=budget) for budget in ("images=500", "seconds=60")], store
    )
    assert in_images.seconds == pytest.approx(2.0 + 3.0 + 7.0 + 500 / 100.0)
    assert in_seconds.seconds == pytest.approx(2.0 + 3.0 + 60.0)


def test_what_two_processes_took_together_says_nothing_of_one(store: Leaderboard, planned: RunPlan) -> None:
    store.update(record(store, planned), machine={"engine": {"processes": 2}})
    alone, shared = (dataclasses.replace(planned, seed=1, processes=number) for number in (1, 2))
    assert [cell.seconds is None for cell in forecast([alone, shared], store)] == [True, False]


def test_without_a_past_run_no_time_is_guessed(store: Leaderboard, planned: RunPlan) -> None:
    (cell,) = forecast([planned], store)
    assert (cell.state, cell.seconds) == ("missing", None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"source_hash": "0" * 64}, "the plugin's code: changed"),
        ({"fingerprint": "0" * 64}, "the dataset's images: changed"),
        ({"split_digest": "0" * 64}, "the split: changed"),
        ({"version": "0.0.9"}, "the plugin's version: 0.0.9 → "),
        ({"protocol": 0}, "the protocol: 0 → 2"),
    ],
)
def test_a_run_that_no_longer_counts_is_stale_with_the_part_that_changed(
    change: dict[str, Any], why: str, store: Leaderboard, planned: RunPlan
) -> None:
    run_id = record(store, dataclasses.replace(planned, **change))
    (cell,) = forecast([planned], store)
    assert (cell.state, cell.run) == ("stale", run_id)
    assert len(cell.why) == 1
    assert why in cell.why[0]


def test_a_changed_default_is_told_beside_the_changed_code(store: Leaderboard, planned: RunPlan) -> None:
    before = dict(planned.parameters) | {"width": 3}
    record(store, dataclasses.replace(planned, source_hash="0" * 64, parameters=before))
    (cell,) = forecast([planned], store)
    assert cell.state == "stale"
    assert f"width 3 → {planned.parameters['width']}" in cell.why


def test_other_parameters_are_another_run_and_not_a_stale_one(store: Leaderboard, planned: RunPlan) -> None:
    record(store, dataclasses.replace(planned, parameters=dict(planned.parameters) | {"width": 3}))
    assert forecast([planned], store)[0].state == "missing"


@pytest.mark.parametrize(
    ("status", "state"), [("failed", "failed"), ("diverged", "failed"), ("interrupted", "interrupted")]
)
def test_a_run_that_did_not_end_well_is_shown_as_such(
    status: str, state: str, store: Leaderboard, planned: RunPlan
) -> None:
    record(store, planned, status)
    assert forecast([planned], store)[0].state == state


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3", (3,)), ("0..4", (0, 1, 2, 3, 4)), ("0,2,7", (0, 2, 7)), ("1..2,2..3", (1, 2, 3)), ("all", (0, 1, 2))],
)
def test_numbers_are_written_singly_in_lists_and_in_ranges(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_numbers(text, "--fold", 3) == numbers


@pytest.mark.parametrize("text", ["", "a", "4..0", "-1", "0..", "0..99999999", "1;2"])
def test_numbers_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seed"):
        parse_numbers(text, "--seed")


def test_a_seed_that_no_generator_takes_is_refused() -> None:
    assert parse_seeds("4294967295", "--seeds") == (4294967295,)
    with pytest.raises(UsageError, match="--seeds '4294967296' is not understood; a seed is at most 4294967295"):
        parse_seeds("4294967296", "--seeds")


def test_the_command_shows_the_matrix_and_runs_nothing(tmp_path: Path, body_dataset: Path) -> None:
    home = tmp_path / "home"
    runner = CliRunner(env={"PETBENCH_HOME": str(home)})
    arguments = ["plan", "-m", "scale", "-d", str(body_dataset), "--seed", "0..2", "--fold", "all"]
    shown = runner.invoke(COMMAND, arguments)
    assert shown.exit_code == 0, shown.output
    assert "3 of 3 to run, no past run shows how long" in shown.output
    facts = json.loads(runner.invoke(COMMAND, [*arguments, "--json"]).stdout)
    assert [(run["seed"], run["state"]) for run in facts["runs"]] == [(0, "missing"), (1, "missing"), (2, "missing")]
    assert not (home / "runs").exists()
    misspelt = runner.invoke(COMMAND, ["plan", "-m", "scael", "-d", str(body_dataset)])
    assert misspelt.exit_code == 2
    assert "did you mean 'scale'" in misspelt.output
