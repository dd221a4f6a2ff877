"""Convolutions of few positions as matrix products: torch's own numbers, in whatever network an author writes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from petbench import StepMethod, StepParameters
from petbench.training.acceleration import accelerated
from petbench.training.products import small_convolutions_as_products
from petbench.training.settings import EngineSettings

CPU = torch.device("cpu")
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
    monkeypatch.setattr("petbench.training.products.MOST_POSITIONS_A_CHANNEL", 10**6)


def results(module: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """Return what a convolution draws, and the gradients of a sum with unequal weights."""
    image = image.clone().requires_grad_()
    drawn = module(image)
    weights = torch.linspace(-1, 1, drawn.numel(), dtype=drawn.dtype).reshape(drawn.shape)
    return [drawn, *torch.autograd.grad((drawn * weights).sum(), [image, *module.parameters()])]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("convolution", CONVOLUTIONS, ids=shown)
def test_a_product_draws_and_learns_what_the_library_does(
    convolution: nn.Module, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere(monkeypatch)
    convolution = convolution.double()
    channels = next(convolution.parameters()).shape[isinstance(convolution, nn.Conv2d)]
    image = torch.randn(2, channels, 6, 8, dtype=torch.double).to(memory_format=layout)
    wanted = results(convolution, image)
    with small_convolutions_as_products(convolution):
        found = results(convolution, image)
        assert "forward" in vars(convolution)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("convolution", [CONVOLUTIONS[0], CONVOLUTIONS[4]], ids=shown)
def test_a_gradient_penalty_can_differentiate_twice(convolution: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere(monkeypatch)
    convolution = convolution.double()
    image = torch.randn(1, 5, 4, 4, dtype=torch.double, requires_grad=True)
    with small_convolutions_as_products(convolution):
        assert gradcheck(convolution, [image])
        assert gradgradcheck(convolution, [image])


@pytest.mark.parametrize("module", LEFT_ALONE, ids=shown)
def test_other_kinds_of_convolution_are_left_to_the_library(module: nn.Module) -> None:
    with small_convolutions_as_products(module):
        assert "forward" not in vars(module)


def test_an_author_s_own_forward_is_left_alone() -> None:
    class Own(nn.Conv2d):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's name
            return super().forward(input) + 1

    patched = nn.Conv2d(4, 4, 3)
    patched.forward = torch.neg  # type: ignore[method-assign]
    own = Own(4, 4, 3)
    with small_convolutions_as_products(nn.Sequential(own, patched)):
        assert "forward" not in vars(own)
        assert patched.forward is torch.neg
    assert patched.forward is torch.neg


def kind(drawn: torch.Tensor) -> str:
    assert drawn.grad_fn is not None
    return type(drawn.grad_fn).__name__


def test_only_where_weights_outnumber_values_is_it_a_product() -> None:
    convolution = nn.Conv2d(16, 8, 3, padding=1, bias=False)
    with small_convolutions_as_products(convolution):
        assert "Product" in kind(convolution(torch.randn(1, 16, 4, 4)))
        assert "Product" not in kind(convolution(torch.randn(2, 16, 4, 4)))
    assert "Product" not in kind(convolution(torch.randn(1, 16, 4, 4)))


class Thick(StepMethod):
    def __init__(self, parameters: StepParameters) -> None:
        super().__init__(parameters)
        self.network = nn.Sequential(nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 64, 4, 2, 1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_accelerated_network_gives_what_the_plain_fallback_gives(precision: str) -> None:
    torch.manual_seed(0)
    method = Thick(StepParameters())
    image = torch.randn(1, 64, 8, 8)
    found = {}
    for way in ("products", "library"):
        settings = EngineSettings(precision=precision, small_convolutions=way)  # type: ignore[arg-type]
        with accelerated(method, settings, CPU, compiled=False):
            assert ("forward" in vars(method.network[0])) == (way == "products")
            found[way] = results(method.network, image)
        assert not any("forward" in vars(module) for module in method.modules())
    relative, absolute = (0.03, 0.03) if precision == "bf16" else (1e-4, 1e-5)
    for one, other in zip(found["products"], found["library"], strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=relative, atol=absolute)
