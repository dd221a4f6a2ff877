"""Whatever an author writes, the harness runs it through the same few calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from petbench import MethodSpec, Scan, Scans, StepMethod, StepParameters
from petbench.errors import PluginError
from petbench.methods.build import build_method as build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import RunContext, TrainingData, Volume
    from petbench.training.runnable_method import RunnableMethod

CPU = torch.device("cpu")


VALUES = StepParameters(suv_clip=100.0).model_dump()


class Stepwise(StepMethod):
    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))

    def translate(self, scans: Scans) -> torch.Tensor:
        return scans.early


class Plain:
    def __init__(self) -> None:
        self.state: dict[str, Any] = {"factor": 2.0, "curve": torch.zeros(3), "name": "plain", "fitted": False}

    def fit(self, data: TrainingData, run: RunContext) -> None: ...

    def predict(self, scan: Scan) -> Volume:
        return scan.early * np.float32(2)

    def state_dict(self) -> dict[str, Any]:
        return self.state

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        self.state = dict(state)
        return None


class Nested(Plain):
    """Keeps its numbers as deep as a network's `state_dict` or the coefficients of organs lie."""

    def __init__(self) -> None:
        weights = {"weight": torch.zeros(2, 2), "bias": torch.zeros(2)}
        self.state = {"network": weights, "lines": {3: [1.0, 0.5], 4: (1.0, 0.5)}, "names": ["a", "b"]}


class PlainModule(nn.Module):
    """A torch module that brings the four verbs itself; a buffer is no trained weight."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))

    def fit(self, data: TrainingData, run: RunContext) -> None: ...

    def predict(self, scan: Scan) -> Volume:
        return scan.early.copy()


def build_method(spec: MethodSpec, values: dict[str, Any]) -> RunnableMethod:
    return build(spec, values, module=None, environments=Path("environments"))


METHODS = {
    "steps": (MethodSpec(name="steps", summary="s", build=Stepwise, parameters=StepParameters), 4),
    "plain": (MethodSpec(name="plain", summary="s", build=lambda _: Plain()), 4),
    "nested": (MethodSpec(name="nested", summary="s", build=lambda _: Nested()), 10),
    "module": (MethodSpec(name="module", summary="s", build=lambda _: PlainModule()), 4),
    "program": (MethodSpec(name="program", summary="s", command=("true",)), 0),
}


@pytest.mark.parametrize(("spec", "count"), METHODS.values(), ids=list(METHODS))
def test_every_kind_of_method_moves_and_says_how_many_numbers_it_learnt(spec: MethodSpec, count: int) -> None:
    values = VALUES if spec.parameters else {}
    method = build_method(spec, values)
    method.to(CPU)
    assert method.parameter_count() == count
    build_method(spec, values).load_state_dict(method.state_dict())


@pytest.mark.parametrize("name", ["steps", "plain", "module"])
def test_all_predictions_come_in_order_and_each_image_is_read_only_when_its_turn_comes(name: str) -> None:
    spec, _ = METHODS[name]
    method = build_method(spec, VALUES if spec.parameters else {})
    volumes = [np.full((1, 2, 2), value, dtype=np.float32) for value in (1.0, 2.0, 3.0)]
    read: list[float] = []

    def scans() -> Any:
        for volume in volumes:
            read.append(float(volume.max()))
            yield Scan(volume)

    predictions = method.predict_all(scans())
    assert np.allclose(next(iter(predictions)), method.predict(Scan(volumes[0])))
    assert read == [1.0]
    assert [float(one.max()) for one in predictions] == [float(method.predict(Scan(one)).max()) for one in volumes[1:]]


def test_the_state_of_a_step_method_is_its_own() -> None:
    spec, _ = METHODS["steps"]
    assert build_method(spec, VALUES).state_dict().keys() == Stepwise(StepParameters()).state_dict().keys()


def test_a_step_method_whose_own_predict_would_never_be_called_is_refused() -> None:
    class Predicts(Stepwise):
        def predict(self, scan: Scan) -> Volume:
            return scan.early

    spec = MethodSpec(name="predicts", summary="s", build=Predicts, parameters=StepParameters)
    with pytest.raises(PluginError, match=r"has a predict\(\) of its own, which nobody would call"):
        build_method(spec, VALUES)


def test_a_method_without_a_verb_is_refused_by_the_verb() -> None:
    spec = MethodSpec(name="mute", summary="s", build=lambda _: object())  # type: ignore[arg-type,return-value]
    with pytest.raises(PluginError, match=r"'mute' has no fit\(\)"):
        build_method(spec, {})
