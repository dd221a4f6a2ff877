"""The clock of a training counts the method's own work: phases add up, the rate and the budget are of steps alone."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch

from petbench import Batch, Scan, Scans, StepMethod, StepParameters
from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.runs import phases as phases_module
from petbench.runs.method_process.endings import cost
from petbench.runs.phases import Phases
from petbench.runs.pipeline import Pipeline
from petbench.training import clock as clock_module
from petbench.training import context as context_module
from petbench.training import loop as loop_module
from petbench.training.checkpoint import CheckpointFolder
from petbench.training.clock import TrainingClock
from petbench.training.context import TrainingContext
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench.runs.method_process.messages import Trained
    from petbench_leaderboard.store import Leaderboard

LOADING, STEP, VALIDATION, CHECKPOINT = 7.0, 1.0, 10.0, 100.0
BATCH = 4


class World:
    """A world in which seconds pass only where somebody works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    fake = SimpleNamespace(monotonic=lambda: made.now, perf_counter=lambda: made.now)
    for module in (clock_module, context_module, loop_module, phases_module):
        monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(CheckpointFolder, "save", lambda *_: made.spend(CHECKPOINT))
    monkeypatch.setattr(context_module, "CHECKPOINT_SECONDS", float("inf"))
    return made


class Data:
    supervision: Supervision = "paired"

    def __init__(self, world: World) -> None:
        self._world = world
        self.volume = np.ones((10, 4, 4), dtype=np.float32)

    def scans(self) -> list[Scan]:
        return [Scan(self.volume)]

    def delayed(self) -> list[Volume]:
        return [self.volume]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        self._world.spend(LOADING)
        return [(Scan(self.volume), self.volume)]


class Working(StepMethod):
    """Spends a second on a step, and ten on a prediction."""

    def __init__(self, parameters: StepParameters, world: World) -> None:
        super().__init__(parameters)
        self.network = torch.nn.Conv2d(1, 1, 1)
        self._world = [world]

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        self._world[0].spend(STEP)
        return {"l1": (self.network(batch.early) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        self._world[0].spend(VALIDATION)
        translated: torch.Tensor = self.network(scans.early)
        return translated


class Trainer(StepTrainer):
    """A trainer whose method is made again with what it needs beside its parameters."""

    def __init__(self, world: World, validations: int = 2) -> None:
        chosen = StepParameters(batch_size=BATCH, shift_voxels=0, validations=validations)

        class Bound(Working):
            def __init__(self, parameters: StepParameters) -> None:
                super().__init__(parameters, world)

        super().__init__(Bound(chosen))


class Rows:
    """In place of a leaderboard: what was recorded of one run."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, float]] = []
        self.facts: dict[str, Any] = {}

    def update(self, _run: int, **facts: Any) -> None:
        self.facts |= facts

    def record_phase(self, _run: int, phase: str, seconds: float) -> None:
        self.phases.append((phase, seconds))


class Process:
    """In place of the method's process: trains in this one, as that one does."""

    def __init__(self, world: World, folder: Path, budget: Budget) -> None:
        self._world, self._folder, self._budget = world, folder, budget

    def fit(self, *_: object) -> Trained:
        clock = TrainingClock()
        run = TrainingContext(
            seed=0,
            budget=self._budget,
            device=torch.device("cpu"),
            folder=self._folder,
            engine=EngineSettings(precision="fp32", threads=1),
            clock=clock,
        )
        data = Data(self._world)
        own = HarnessOnly([(Scan(data.volume), data.volume)], clock)
        Trainer(self._world).fit(data, run, own)
        return cost(run, clock)


def train(world: World, folder: Path, budget: Budget) -> Rows:
    """Train as the pipeline of a run does."""
    rows = Rows()
    pipeline = Pipeline.__new__(Pipeline)
    pipeline._run_id = 1
    pipeline._leaderboard = cast("Leaderboard", rows)
    pipeline._phase = Phases(pipeline._leaderboard, 1)
    pipeline._bars = cast("Any", SimpleNamespace(training=_no_bar))
    pipeline._train(cast("Any", Process(world, folder, budget)), cast("Any", None), cast("Any", None), validates=True)
    return rows


class _no_bar:  # noqa: N801 - stands for a function
    def __enter__(self) -> Any:
        return lambda *_: None

    def __exit__(self, *_: object) -> None: ...


def events(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"] == name]


def test_the_phases_of_a_training_are_what_was_spent_on_each_and_add_up_to_what_passed(
    world: World, tmp_path: Path
) -> None:
    began = world.now
    rows = train(world, tmp_path, Budget(images=10 * BATCH))
    assert dict(rows.phases) == {
        "train": 9 * STEP,
        "warm-up": LOADING + STEP,
        "validation": 2 * VALIDATION,
        "checkpoint": CHECKPOINT,
    }
    assert sum(seconds for _, seconds in rows.phases) == world.now - began


def test_the_rate_is_images_after_the_first_step_over_the_seconds_of_their_steps(world: World, tmp_path: Path) -> None:
    rows = train(world, tmp_path, Budget(images=10 * BATCH))
    assert rows.facts["images_seen"] == 10 * BATCH
    assert rows.facts["images_per_second"] == 9 * BATCH / (9 * STEP)
    assert rows.facts["train_seconds"] == LOADING + 10 * STEP


def test_a_training_of_one_step_has_no_rate(world: World, tmp_path: Path) -> None:
    assert train(world, tmp_path, Budget(images=BATCH)).facts["images_per_second"] is None


def test_a_budget_in_seconds_counts_warm_up_and_steps_and_stands_still_in_validation(
    world: World, tmp_path: Path
) -> None:
    rows = train(world, tmp_path, Budget(seconds=LOADING + 20 * STEP))
    assert rows.facts["images_seen"] == 20 * BATCH
    assert rows.facts["train_seconds"] == LOADING + 20 * STEP
    assert dict(rows.phases)["validation"] == 2 * VALIDATION


def test_each_validation_says_when_it_was_by_both_clocks_and_how_long_it_took(world: World, tmp_path: Path) -> None:
    train(world, tmp_path, Budget(images=10 * BATCH))
    first, second = events(tmp_path, "validation")
    assert (first["seconds"], second["seconds"]) == (LOADING + 5 * STEP, LOADING + 10 * STEP)
    assert first["wall_seconds"] == first["seconds"] + VALIDATION
    assert second["wall_seconds"] == second["seconds"] + 2 * VALIDATION
    assert first["validation_seconds"] == VALIDATION


def test_a_rate_in_the_log_leaves_out_the_validation_between_two_lines(world: World, tmp_path: Path) -> None:
    train(world, tmp_path, Budget(images=10 * BATCH))
    rates = [event["images_per_second"] for event in events(tmp_path, "step")]
    assert rates[1:] == [pytest.approx(BATCH / STEP)] * len(rates[1:])


def test_the_clock_goes_on_from_a_checkpoint(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(CheckpointFolder, "save", lambda _self, _images, whole: kept.append(whole))
    train(world, tmp_path, Budget(images=10 * BATCH))
    monkeypatch.setattr(CheckpointFolder, "newest", lambda _self: kept[-1])
    rows = train(world, tmp_path, Budget(images=20 * BATCH))
    assert rows.facts["train_seconds"] == 2 * LOADING + 20 * STEP  # what is loaded again counts
    assert rows.facts["images_per_second"] == 9 * BATCH / (9 * STEP)
    last = events(tmp_path, "step")[-1]
    assert last["wall_seconds"] - last["seconds"] == 2 * VALIDATION  # those of the first part


def test_a_training_in_another_process_is_timed_there_and_its_start_is_warm_up(world: World) -> None:
    clock = TrainingClock()
    world.spend(50.0)
    clock.take_over(before=3.0, wall_before=4.0, steps=20.0, stood_still={"validation": 5.0}, warm_up_images=BATCH)
    assert clock.seconds == 45.0
    assert clock.total == 48.0
    assert clock.parts == {"warm-up": 25.0, "validation": 5.0}
    assert clock.seconds - clock.warm_up == 20.0


def test_the_clock_goes_on_after_a_validation_that_failed(world: World) -> None:
    clock = TrainingClock()
    own = HarnessOnly((), clock)

    def fail() -> Iterator[None]:
        with own.while_validating():
            world.spend(VALIDATION)
            raise ValueError("no prediction")

    with pytest.raises(ValueError, match="no prediction"):
        fail()
    world.spend(STEP)
    assert (clock.seconds, clock.stood_still) == (STEP, {"validation": VALIDATION})
