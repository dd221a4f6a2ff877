"""How networks run in training: in bfloat16, compiled, and as their authors wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.benchmark.step_methods import CPU, SMALL, Linear
from torch import nn
from torch._dynamo.exc import TorchDynamoException

from petbench import Batch, Scan, Scans
from petbench.engine_settings import EngineSettings
from petbench.training.network_execution import NetworkExecution
from petbench.training.prediction import translate_volume

if TYPE_CHECKING:
    from pathlib import Path


def test_networks_compute_in_bfloat16_and_losses_in_float32(tmp_path: Path) -> None:
    method, inside = Linear(SMALL), set()
    method.convolution.register_forward_hook(lambda _m, _i, output: inside.add(output.dtype))
    method.to(CPU)
    execution = NetworkExecution(method, EngineSettings(precision="bf16"), CPU, compiled=False)
    with execution.training():
        method.training_step(Batch(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)))
        assert inside == {torch.bfloat16}
        with execution.predicting():
            translate_volume(method, Scan(np.ones((2, 4, 4), dtype=np.float32)))
        assert inside == {torch.bfloat16, torch.float32}
        assert "forward" in vars(method.network)
    assert method.dtypes == {torch.float32}
    assert "forward" not in vars(method.network)


def test_a_forward_that_the_author_put_into_a_network_is_used_and_left_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, image = Linear(SMALL), torch.ones(1, 1, 4, 4)
    monkeypatch.setattr(method.network, "forward", torch.neg)
    execution = NetworkExecution(method, EngineSettings(precision="bf16"), CPU, compiled=False)
    with execution.training():
        assert torch.equal(method.translate(Scans(image)), -image)
        with execution.predicting():
            assert method.network.forward is torch.neg
        assert method.network.forward is not torch.neg
    assert method.network.forward is torch.neg


def test_on_a_cpu_a_network_in_three_dimensions_stays_in_float32() -> None:
    flat, solid = nn.Conv2d(1, 1, 1), nn.Sequential(nn.Conv3d(1, 1, 1))
    for network, device, expected in ((flat, "cpu", True), (solid, "cpu", False), (solid, "cuda", True)):
        half, full = (
            NetworkExecution(network, engine, torch.device(device), compiled=False)
            for engine in (EngineSettings(precision="bf16"), EngineSettings(precision="fp32"))
        )
        assert half.in_bfloat16(network) is expected
        assert not full.in_bfloat16(network)


@pytest.mark.parametrize(
    ("compile_setting", "device", "images", "expected"),
    [("on", "cpu", 10, True), ("off", "cuda", 10**7, False), ("auto", "cpu", 10**7, False),
     ("auto", "cuda", 10**7, True), ("auto", "cuda", 1000, False), ("auto", "cuda", None, True)],
)  # fmt: skip
def test_auto_compiles_long_runs_on_a_cuda_device(
    compile_setting: str, device: str, images: int | None, expected: bool
) -> None:
    assert EngineSettings(compile=compile_setting).compiles(device, images) is expected  # type: ignore[arg-type]


def test_a_network_that_cannot_be_compiled_runs_as_it_is_written_unless_compiling_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(forward: object, **_options: object) -> object:
        def fail(*_arguments: object) -> object:
            raise TorchDynamoException("no C++ compiler was found\nand so on")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    method, image = Linear(SMALL).eval(), torch.ones(1, 1, 4, 4)
    expected = method.translate(Scans(image))
    with NetworkExecution(method, EngineSettings(precision="fp32", compile="auto"), CPU, compiled=True).training():
        assert torch.equal(method.translate(Scans(image)), expected)
        assert torch.equal(method.translate(Scans(image)), expected)
    assert [record.message for record in caplog.records] == [
        "not compiled, runs as it is written: no C++ compiler was found"
    ]
    with (
        NetworkExecution(method, EngineSettings(precision="fp32", compile="on"), CPU, compiled=True).training(),
        pytest.raises(TorchDynamoException),
    ):
        method.translate(Scans(image))


def test_settings_survive_json() -> None:
    settings = EngineSettings(precision="bf16", threads=3, deterministic=True)
    assert EngineSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
