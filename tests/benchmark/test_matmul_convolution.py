"""Convolutions of few positions as matrix products: torch's own numbers, in whatever network an author writes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from petbench import Scan, Scans, StepMethod, StepParameters
from petbench.engine_settings import EngineSettings, Precision, SmallConvolutions
from petbench.training.network_execution import NetworkExecution
from petbench.training.prediction import translate_volume

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

CPU = torch.device("cpu")
WAYS: tuple[SmallConvolutions, ...] = ("matmul", "library")
KINDS = (torch.bfloat16, torch.float32, torch.float64)
CONVOLUTIONS = [
    nn.Conv2d(5, 3, 4, stride=2, padding=1),
    nn.Conv2d(3, 4, 3, padding=1, bias=False),
    nn.Conv2d(4, 4, (3, 2), stride=(2, 1), padding=(0, 1)),
    nn.Conv2d(6, 5, 1),
    nn.ConvTranspose2d(5, 3, 4, stride=2, padding=1),
    nn.ConvTranspose2d(3, 4, (2, 3), stride=(1, 2), bias=False),
]
LEFT_ALONE = [
    nn.Conv2d(4, 4, 3, groups=2),
    nn.Conv2d(4, 4, 3, dilation=2),
    nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    nn.Conv2d(4, 4, 3, padding="same"),
    nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1),
]


def shown(module: nn.Module) -> str:
    return str(module)


def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petbench.training.matmul_convolution.WEIGHTS_PER_POSITION", 0.001)
    monkeypatch.setattr("petbench.training.matmul_convolution.FEWEST_WEIGHTS", dict.fromkeys(KINDS, 0))


def in_training(network: nn.Module) -> AbstractContextManager[None]:
    """Within the block, the convolutions of a network run as in a training in float32 on a CPU."""
    method = network if isinstance(network, StepMethod) else nn.Sequential(network)
    return NetworkExecution(method, EngineSettings(precision="fp32"), CPU, compiled=False).training()


def results(module: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """Return what a convolution gives, and the gradients of a sum with unequal weights."""
    image = image.clone().requires_grad_()
    output = module(image)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    return [output, *torch.autograd.grad((output * weights).sum(), [image, *module.parameters()])]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=shown)
def test_a_matmul_convolution_gives_and_learns_what_the_library_does(
    convolution: nn.Module, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere(monkeypatch)
    convolution = convolution.double()
    channels = next(convolution.parameters()).shape[isinstance(convolution, nn.Conv2d)]
    image = torch.randn(2, channels, 6, 8, dtype=torch.double).to(memory_format=layout)
    wanted = results(convolution, image)
    with in_training(convolution):
        found = results(convolution, image)
        assert "forward" in vars(convolution)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("convolution", [CONVOLUTIONS[0], CONVOLUTIONS[4]], ids=shown)
def test_a_gradient_penalty_can_differentiate_twice(convolution: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    convolution = convolution.double()
    image = torch.randn(1, 5, 4, 4, dtype=torch.double, requires_grad=True)
    with in_training(convolution):
        assert gradcheck(convolution, [image])
        assert gradgradcheck(convolution, [image])


@pytest.mark.parametrize("module", LEFT_ALONE, ids=shown)
def test_other_kinds_of_convolution_are_left_to_the_library(module: nn.Module) -> None:
    with in_training(module):
        assert "forward" not in vars(module)


def test_an_author_s_own_forward_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(nn.Conv2d):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
            return super().forward(input) + 1

    patched = nn.Conv2d(4, 4, 3)
    monkeypatch.setattr(patched, "forward", torch.neg)
    own = Own(4, 4, 3)
    with in_training(nn.Sequential(own, patched)):
        assert "forward" not in vars(own)
        assert patched.forward is torch.neg
    assert patched.forward is torch.neg


def is_matmul(output: torch.Tensor) -> bool:
    """Return whether a matmul convolution lies anywhere in the history of a result."""
    waiting = [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and "Matmul" in type(node).__name__:
            return True
        waiting += [] if node is None else [before for before, _ in node.next_functions]
    return False


def test_only_where_a_position_has_many_weights_is_it_a_matrix_product(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    monkeypatch.setattr("petbench.training.matmul_convolution.WEIGHTS_PER_POSITION", 8)
    convolution = nn.Conv2d(16, 8, 3, padding=1, bias=False)  # 1,152 weights, each voxel in 9 patches: 16 positions
    with in_training(convolution):
        assert is_matmul(convolution(torch.randn(1, 16, 4, 4)))
        assert not is_matmul(convolution(torch.randn(1, 16, 4, 5)))
        monkeypatch.setattr("petbench.training.matmul_convolution.FEWEST_WEIGHTS", {torch.float32: 1153})
        assert not is_matmul(convolution(torch.randn(1, 16, 4, 4)))
    assert not is_matmul(convolution(torch.randn(1, 16, 4, 4)))


def test_what_torch_refuses_is_refused_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    convolution = nn.Conv2d(4, 4, 3)
    with in_training(convolution):
        with pytest.raises(RuntimeError, match=r"expected input.* to have 4 channels"):
            convolution(torch.randn(1, 3, 5, 5))
        assert convolution(input=torch.randn(1, 4, 5, 5)).shape == (1, 4, 3, 3)
        assert convolution(torch.randn(4, 5, 5)).shape == (4, 3, 3)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("convolution", [CONVOLUTIONS[1], CONVOLUTIONS[5]], ids=shown)
@pytest.mark.parametrize("size", [1, 4])
def test_the_next_layer_finds_what_the_library_would_have_left_it(
    convolution: nn.Module, layout: torch.memory_format, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere(monkeypatch)
    convolution = convolution.float()
    image = torch.randn(2, 3, size, size).to(memory_format=layout)
    wanted = convolution(image)
    with in_training(convolution):
        found = convolution(image)
        assert is_matmul(found)
        assert found.is_contiguous(memory_format=layout) == wanted.is_contiguous(memory_format=layout)
        found.relu_().sum().backward()  # in place: torch refuses that of a view
    torch.testing.assert_close(found, wanted.relu())


def test_a_copy_made_while_training_computes_with_its_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    network = nn.Sequential(nn.Conv2d(4, 4, 3, bias=False))
    image = torch.randn(1, 4, 5, 5)
    with in_training(network):
        average = copy.deepcopy(network)
        for weight in average.parameters():
            nn.init.zeros_(weight)
        assert is_matmul(average(image))
        assert not average(image).any()
        assert network(image).any()
    assert not average(image).any()


def test_gradients_of_each_sample_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    convolution = nn.Conv2d(3, 2, 3)
    images = torch.randn(5, 1, 3, 4, 4)

    def loss(image: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = convolution(image).square().sum()
        return total

    wanted = torch.func.vmap(torch.func.grad(loss))(images)
    with in_training(convolution):
        torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(images), wanted)


class Thick(StepMethod):
    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(1, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, 2, 1))

    def translate(self, scans: Scans) -> torch.Tensor:
        predicted: torch.Tensor = self.network(scans.early)
        return predicted


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_accelerated_network_gives_what_the_plain_fallback_gives(
    precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere(monkeypatch)
    torch.manual_seed(0)
    method = Thick(StepParameters(suv_clip=100.0))
    image = torch.randn(1, 1, 8, 8)
    found = {}
    for way in WAYS:
        settings = EngineSettings(precision=precision, small_convolutions=way)
        with NetworkExecution(method, settings, CPU, compiled=False).training():
            assert is_matmul(method.network(image)) == (way == "matmul")
            found[way] = results(method.network, image)
        assert not any("forward" in vars(module) for module in method.modules())
    relative, absolute = (0.03, 0.03) if precision == "bf16" else (1e-4, 1e-5)
    for one, other in zip(found["matmul"], found["library"], strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=relative, atol=absolute)


def test_a_validation_predicts_to_the_bit_what_the_trained_network_will(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everywhere(monkeypatch)
    torch.manual_seed(0)
    method = Thick(StepParameters(suv_clip=100.0))
    early = np.random.default_rng(0).random((2, 8, 8), dtype=np.float32)
    execution = NetworkExecution(method, EngineSettings(), CPU, compiled=False)
    with execution.training():
        with execution.predicting():
            validated = translate_volume(method, Scan(early))
        assert is_matmul(method.network(torch.randn(1, 1, 8, 8)))
    assert np.array_equal(validated, translate_volume(method, Scan(early)))
