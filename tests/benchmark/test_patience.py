"""Training until validation no longer improves: what counts as an improvement, and which rules are refused."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench import Batch, Scan, Scans, StepMethod, StepParameters
from petbench.contract import Budget, MethodSpec
from petbench.engine_settings import EngineSettings
from petbench.errors import DataError, UsageError
from petbench.methods import parameters
from petbench.training import validation as validation_module
from petbench.training.context import TrainingContext
from petbench.training.runnable_method import HarnessOnly
from petbench.training.step_trainer import StepTrainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.contract import Supervision, Volume

VOLUME = np.ones((6, 4, 4), dtype=np.float32)
PAIRS = [(Scan(VOLUME), VOLUME)]
BATCH = 4


class Data:
    supervision: Supervision = "paired"

    def scans(self) -> list[Scan]:
        return [Scan(VOLUME)]

    def delayed(self) -> list[Volume]:
        return [VOLUME]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return PAIRS


class Counting(StepMethod):
    """Its one weight says how many steps it has taken."""

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.register_buffer("steps", torch.zeros(()))

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        self.get_buffer("steps").add_(1)
        return {"l1": (self.weight * batch.early).mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        return scans.early


def train(
    folder: Path, monkeypatch: pytest.MonkeyPatch, errors: Sequence[float], **settings: Any
) -> tuple[Counting, TrainingContext]:
    """Train through as many validations as there are errors, each of which gives the next of them."""
    left = iter(errors)
    monkeypatch.setattr(validation_module, "prediction_errors", lambda *_: {"mae_suv": next(left)})
    chosen = {"batch_size": BATCH, "shift_voxels": 0, "validations": len(errors), "decay_start": 1} | settings
    method = Counting(StepParameters.model_validate(chosen))
    engine = EngineSettings(precision="fp32", threads=1)
    budget = Budget(images=BATCH * len(errors))
    run = TrainingContext(seed=0, budget=budget, device=torch.device("cpu"), folder=folder, engine=engine)
    StepTrainer(method).fit(Data(), run, HarnessOnly(PAIRS))
    return method, run


def validations_by_hand(errors: Sequence[float], patience: int, tolerance: float) -> int:
    """Return after how many validations a training ends: the first after which the last `patience` were none better."""
    for done in range(1, len(errors) + 1):
        best, last_improvement = float("inf"), 0
        for number, error in enumerate(errors[:done], start=1):
            if error < best * (1 - tolerance):
                best, last_improvement = error, number
        if patience and done - last_improvement >= patience:
            return done
    return len(errors)


def test_training_ends_after_as_many_validations_without_an_improvement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    for number in range(12):
        errors = [1.0 * 0.98**step + chance.uniform(-0.02, 0.02) for step in range(20)]
        patience, tolerance = chance.choice([1, 2, 3, 5]), chance.choice([0.0, 0.001, 0.05])
        expected = validations_by_hand(errors, patience, tolerance)
        settings = {"patience": patience, "patience_tolerance": tolerance}
        method, run = train(tmp_path / str(number), monkeypatch, errors, **settings)
        assert int(method.get_buffer("steps")) == expected
        assert not run.interrupted


def test_an_improvement_within_the_tolerance_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [1.0, 0.9995, 0.9985, 0.998, 0.9978, 0.9]
    for tolerance, steps in ((0.001, 5), (0.0, 6), (0.01, 3)):
        settings = {"patience": 2, "patience_tolerance": tolerance}
        method, _ = train(tmp_path / str(tolerance), monkeypatch, errors, **settings)
        assert int(method.get_buffer("steps")) == steps


def test_an_error_that_is_not_a_number_is_no_improvement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method, _ = train(tmp_path, monkeypatch, [1.0, float("nan"), float("nan"), 0.1], patience=2)
    assert int(method.get_buffer("steps")) == 3


def test_the_best_weights_predict_after_an_early_end_and_the_log_says_why_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [0.5, 0.3, 0.4, 0.4, 0.2]
    for selection, steps in (("best", 2), ("last", 4)):
        folder = tmp_path / selection
        method, run = train(folder, monkeypatch, errors, patience=2, selection=selection)
        assert int(method.get_buffer("steps")) == steps
        assert run.fraction == pytest.approx(0.8)
        last = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        assert (last["event"], last["rule"], last["ended_by"]) == ("selection", selection, "patience")


def test_without_patience_the_budget_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method, run = train(tmp_path, monkeypatch, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert int(method.get_buffer("steps")) == 5
    assert run.fraction == 1.0
    last = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last["ended_by"] == "budget"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["patience=3", "validations=9"], "set decay_start=1 beside it, for a constant rate"),
        (["patience=5", "validations=5", "decay_start=1"], "patience=5 is never used up by validations=5; set more"),
        (["patience=1", "validations=0", "decay_start=1"], "patience=1 is never used up by validations=0"),
        (["selection=best", "validations=0"], "selection=best chooses among validations, and validations=0"),
        (["patience=-1"], "parameter 'patience' of steps: "),
        (["patience_tolerance=1"], "parameter 'patience_tolerance' of steps: "),
    ],
)
def test_a_rule_of_ending_that_cannot_do_what_it_says_is_refused_in_one_line(settings: list[str], message: str) -> None:
    spec = MethodSpec(name="steps", summary="s", build=Counting, parameters=StepParameters)
    with pytest.raises(UsageError) as refused:
        parameters.resolve(spec, parameters.NO_PRESET, settings, None)
    assert message in str(refused.value)
    assert "Value error" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("settings", [{"patience": 2, "decay_start": 1.0}, {"selection": "best"}])
def test_where_nobody_validates_nothing_can_be_decided_by_validation(settings: dict[str, Any], tmp_path: Path) -> None:
    method = Counting(StepParameters.model_validate({"batch_size": BATCH, "shift_voxels": 0} | settings))
    engine = EngineSettings(precision="fp32", threads=1)
    run = TrainingContext(seed=0, budget=Budget(images=8), device=torch.device("cpu"), folder=tmp_path, engine=engine)
    with pytest.raises(DataError, match="nobody validates in this fold"):
        StepTrainer(method).fit(Data(), run)
