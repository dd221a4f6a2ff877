"""The conformance checks: every built-in method keeps them, and each of them catches the break it is for."""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pydantic import Field
from torch import nn

from petbench import MethodSpec, Scan, Scans, StepMethod, StepParameters, Update
from petbench.cli.main import PetbenchGroup
from petbench.cli.plugin import plugin
from petbench.errors import UnknownNameError
from petbench.registry import OWN_DISTRIBUTION, load_plugins
from petbench.testing import Check, ConformanceError, checks
from petbench.testing.catalogue import NAMES
from petbench.training.step_trainer import StepTrainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from petbench import Batch, RunContext, TrainingData, Volume

# Small networks: the promises do not depend on the width, and sixteen methods are checked.
SMALL = {"width": 8, "discriminator_width": 8, "depth": 3, "blocks": 5, "patches": 16, "feature_size": 16, "steps": 2}
OTHERWISE: Mapping[str, Mapping[str, Any]] = {
    "resenc3d": {"depth": 2},
    "swinunetr": {"width": 12, "dimensions": 2, "neighbours": 0},
    "unetpp25d": {"encoder": "resnet18", "neighbours": 0},
    "rectified-flow": {"levels": 2, "blocks": 1, "neighbours": 0},
    "ddpm25d": {"levels": 2, "blocks": 1, "neighbours": 0},
}


def built_in_checks() -> list[Any]:
    found = []
    for spec, provider in load_plugins().methods().values():
        if provider.distribution == OWN_DISTRIBUTION:
            fields = spec.parameters.model_fields if spec.parameters else {}
            chosen = {**SMALL, **OTHERWISE.get(spec.name, {})}
            settings = {key: value for key, value in chosen.items() if key in fields}
            found += [pytest.param(check, id=f"{spec.name}-{check.name}") for check in checks(spec, settings=settings)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("check", built_in_checks())
def test_a_built_in_method_keeps_the_contract(check: Check) -> None:
    check()


class Settings(StepParameters):
    weight: float = Field(1.0, ge=0, description="of the L1 term")


class Good(StepMethod):
    def __init__(self, parameters: Settings) -> None:
        super().__init__(parameters)
        self.network = nn.Conv2d(1, 1, 3, padding=1)

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        return {"l1": nn.functional.l1_loss(self.translate(batch), batch.delayed)}

    def translate(self, scans: Scans) -> torch.Tensor:
        predicted: torch.Tensor = scans.early + self.network(scans.early)
        return predicted


class LosesItsLoss(Good):
    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        return {"": nn.functional.l1_loss(self.translate(batch), batch.delayed)}


class Climbs(Good):
    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        loss = nn.functional.l1_loss(self.translate(batch), batch.delayed)
        return {"l1": 2 * loss.detach() - loss}  # the right value with the gradient of its opposite


class WrongShape(StepTrainer):
    def predict(self, scan: Scan) -> Volume:
        return super().predict(scan)[:-1]


class Negative(StepTrainer):
    def predict(self, scan: Scan) -> Volume:
        return np.asarray(super().predict(scan) - 1.0, dtype=np.float32)


class Wide(StepTrainer):
    def predict(self, scan: Scan) -> Volume:
        return super().predict(scan).astype(np.float64)


class Dices(Good):
    def translate(self, scans: Scans) -> torch.Tensor:
        return super().translate(scans) + 0.01 * torch.randn_like(scans.early)


class Scribbles(StepTrainer):
    def predict(self, scan: Scan) -> Volume:
        predicted = super().predict(scan)
        scan.early[:] *= 2
        return predicted


class Forgets(Good):
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        self.set_extra_state(state_dict["_extra_state"])  # the intensity map, and no weight


SEEN = itertools.count()


class Unseeded(Good):
    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        loss = nn.functional.l1_loss(self.translate(batch), batch.delayed)
        return {"l1": loss * (1 + next(SEEN))}

    def translate(self, scans: Scans) -> torch.Tensor:
        predicted: torch.Tensor = scans.early + self.network(scans.early) * (1.0 + 1e-4 * self._run_number())
        return predicted

    def _run_number(self) -> float:
        if not hasattr(self, "number"):
            self.number = next(SEEN)
        return float(self.number)


class KeepsAPlainCounter(Good):
    """What a step depends on is neither a parameter nor a buffer, so that a resume begins it anew."""

    taken = 0

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        self.taken += 1
        sign = 1.0 if self.taken <= 2 else -1.0
        return {"l1": sign * nn.functional.l1_loss(self.translate(batch), batch.delayed)}


class Replaces(Good):
    """What it keeps is another tensor after each step: a recorded step would go on reading the first one."""

    capturable = True
    mean: torch.Tensor

    def __init__(self, parameters: Settings) -> None:
        super().__init__(parameters)
        self.register_buffer("mean", torch.zeros(()))

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        self.mean = 0.9 * self.mean + 0.1 * batch.early.mean()
        return super().training_step(batch)


class ReadsBack(Good):
    capturable = True

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        weight = 2.0 if batch.early.mean() > 0 else 1.0
        return {"l1": weight * nn.functional.l1_loss(self.translate(batch), batch.delayed)}


class Alternates(Good):
    capturable = True
    taken = 0

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        self.taken += 1
        loss = nn.functional.l1_loss if self.taken % 2 else nn.functional.mse_loss
        return {"loss": loss(self.translate(batch), batch.delayed)}


class Sums(Good):
    splittable = True

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        return {"l1": (self.translate(batch) - batch.delayed).abs().sum()}


class LooksAcross(Good):
    """Divides by what lies in the whole batch."""

    splittable = True

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        body = (batch.delayed > -0.9).float()
        return {"l1": (body * (self.translate(batch) - batch.delayed).abs()).sum() / body.sum()}


class AsksForPairs:
    def fit(self, data: TrainingData, run: RunContext) -> None:
        data.pairs()

    def predict(self, scan: Scan) -> Volume:
        return scan.early.copy()

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        pass


class Undocumented(StepParameters):
    weight: float = 1.0


def make(build: Callable[[Any], Any], **changes: Any) -> MethodSpec:
    facts: dict[str, Any] = {"name": "mine", "summary": "a test", "build": build, "parameters": Settings} | changes
    return MethodSpec(**facts)


def outcome(spec: MethodSpec, name: str, **options: Any) -> tuple[str, str]:
    (check,) = [check for check in checks(spec, **options) if check.name == name]
    result = check.run()
    return result.outcome, result.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("specification", make(Good, name="My_Net"), "no slug"),
        ("specification", make(Good, summary=""), "no summary"),
        ("documented-parameters", make(Good, parameters=Undocumented), "'weight' has no description"),
        ("documented-parameters", make(Good, presets={"mini": {"weight": -1}}), "preset 'mini' is not valid"),
        ("light-registration", make(Good), "imports torch"),
        ("finite-losses", make(LosesItsLoss), "without a name"),
        ("output-format", make(lambda parameters: WrongShape(Good(parameters))), "(9, 32, 32)"),
        ("output-format", make(lambda parameters: Negative(Good(parameters))), "not negative"),
        ("output-format", make(lambda parameters: Wide(Good(parameters))), "float64"),
        ("deterministic-evaluation", make(Dices), "differ by up to"),
        ("untouched-input", make(lambda parameters: Scribbles(Good(parameters))), "changes the early volume"),
        ("state-round-trip", make(Forgets), "another image"),
        ("same-seed", make(Unseeded), "seeded by run.seed"),
        ("resume", make(KeepsAPlainCounter), "interrupted and resumed"),
        ("overfitting", make(Climbs), "rises"),
        ("capturable", make(Replaces), "`mean` is another tensor after a step"),
        ("capturable", make(ReadsBack), "reads a value back"),
        ("capturable", make(Alternates), "launch different operators"),
        ("splittable", make(Sums), "let every term be a mean over images that looks at each alone"),
        ("splittable", make(LooksAcross), "of step 1 is "),
        (
            "without-pairs",
            make(lambda _: AsksForPairs(), parameters=None, supervision="unpaired"),
            "declare `paired`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_check_catches_what_it_is_for(name: str, spec: MethodSpec, message: str) -> None:
    result, detail = outcome(spec, name)
    assert result == "failed"
    assert message in detail
    assert "\n" not in detail


class DrawsSteps(Good):
    splittable = True

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        return {"l1": nn.functional.l1_loss(self.translate(batch), batch.delayed + torch.randn_like(batch.delayed))}


class Halves(Good):
    splittable = True

    def __init__(self, parameters: Settings) -> None:
        super().__init__(parameters)
        self.norm = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout())

    def translate(self, scans: Scans) -> torch.Tensor:
        normed: torch.Tensor = self.norm(super().translate(scans))
        return normed


class Apart(Good):
    """Does something else on the second half of a batch, which a thread of its own takes."""

    splittable = True

    def __init__(self, parameters: Settings) -> None:
        super().__init__(parameters)
        self.offset = nn.Parameter(torch.zeros(()))

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        loss = nn.functional.l1_loss(self.translate(batch), batch.delayed)
        return self.second(loss) if threading.current_thread().name.endswith("_1") else {"l1": loss}

    def second(self, loss: torch.Tensor) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        return {"l1": loss}


class NamesBothOtherwise(Good):
    """Names its term by the number of images."""

    splittable = True

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor] | Iterator[Update]:
        loss = nn.functional.l1_loss(self.translate(batch), batch.delayed)
        return {f"of {len(batch.early)}": loss}


class UpdatesTwice(Apart):
    def second(self, loss: torch.Tensor) -> Iterator[Update]:
        yield Update("model", {"l1": loss})
        yield Update("model", {"l1": self.network.weight.square().sum()})


class Stumbles(Apart):
    def second(self, loss: torch.Tensor) -> Iterator[Update]:
        raise IndexError(f"no second half of {loss.ndim} axes")


class UsesMore(Apart):
    def second(self, loss: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"l1": loss + self.offset}


class NamesOtherwise(Apart):
    def second(self, loss: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"l2": loss}


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (UpdatesTwice, "one half of a batch makes more updates in a step than the other: let every step yield"),
        (Stumbles, "fails on half a batch: IndexError: no second half of 0 axes"),
        (UsesMore, "the gradient of `weight 1 of model, of shape ()` is there on one half of a batch and not"),
        (NamesBothOtherwise, "is there on a batch or on its halves alone: let every step"),
        (NamesOtherwise, "is there on one half of a batch and not on the other: let every step"),
    ],
)
def test_halves_that_do_not_do_the_same_are_told_of_in_one_line_and_never_waited_for(
    build: Callable[[Any], Any], said: str
) -> None:
    found, detail = outcome(make(build), "splittable")
    assert (found, said in detail, "\n" in detail) == ("failed", True, False), detail


@pytest.mark.parametrize(
    ("build", "result", "said"),
    [
        (Halves, "passed", "1 terms of 3 steps as on the whole batch"),
        (DrawsSteps, "not-applicable", "its steps draw random numbers"),
        (Good, "not-applicable", "does not declare `splittable`"),
    ],
)
def test_what_can_be_shared_is_compared_with_the_whole_batch_where_it_can_be(
    build: Callable[[Any], Any], result: str, said: str
) -> None:
    found, detail = outcome(make(build), "splittable")
    assert (found, said in detail) == (result, True)


@pytest.mark.slow
def test_a_sound_method_fails_nothing_but_its_test_modules_import_of_torch() -> None:
    results = {check.name: check.run() for check in checks(make(Good))}
    assert {name for name, result in results.items() if result.outcome == "failed"} == {"light-registration"}
    assert results["without-pairs"].outcome == "not-applicable"


def test_an_expected_failure_is_no_failure_and_says_why() -> None:
    expected = {"deterministic-evaluation": "samples on purpose"}
    assert outcome(make(Dices), "deterministic-evaluation", expected_failures=expected) == (
        "expected",
        "samples on purpose",
    )


def test_an_expected_failure_that_passes_is_reported() -> None:
    result, detail = outcome(make(Good), "specification", expected_failures={"specification": "was broken"})
    assert result == "failed"
    assert "expect it no longer" in detail


def test_an_expected_failure_of_an_unknown_check_is_a_usage_error() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'resume'"):
        checks(make(Good), expected_failures={"resumes": "?"})


def test_a_failing_check_raises_with_method_and_check_when_it_is_called() -> None:
    check = next(
        check for check in checks(make(lambda parameters: Negative(Good(parameters)))) if check.name == "output-format"
    )
    with pytest.raises(ConformanceError, match="mine: output-format: predicts SUV -"):
        check()


class Raises(Good):
    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        raise RuntimeError(f"no step on {len(batch.early)} images")


@pytest.mark.parametrize("shown", [True, False])
def test_the_traceback_of_what_a_method_raises_is_printed_where_it_is_asked_for(
    shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    check = next(check for check in checks(make(Raises)) if check.name == "finite-losses")
    assert check.run(show_traceback=shown).raised
    said = capsys.readouterr().err
    assert ("Traceback" in said and "in training_step" in said) is shown


def test_pytest_takes_the_checks_names_for_ids() -> None:
    assert tuple(check.__name__ for check in checks(make(Good))) == NAMES


@pytest.mark.slow
def test_the_command_prints_a_line_for_each_check_and_json_for_scripts() -> None:
    root = PetbenchGroup("petbench", commands={"plugin": plugin})
    assert isinstance(root, click.Group)
    shown = CliRunner().invoke(root, ["plugin", "check", "scale"])
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == list(NAMES)
    assert lines[-1] == "scale keeps the contract"
    facts = json.loads(CliRunner().invoke(root, ["plugin", "check", "scale", "--json"]).output)
    assert facts["passed"] is True
    assert [check["check"] for check in facts["checks"]] == list(NAMES)
