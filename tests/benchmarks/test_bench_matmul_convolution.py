"""How many times faster a U-Net's innermost convolutions are as matrix products than in torch's library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from petbench.engine_settings import EngineSettings
from petbench.training.network_execution import NetworkExecution

if TYPE_CHECKING:
    from collections.abc import Callable

CPU = torch.device("cpu")
LAYERS = {
    "transposed 4x4 convolution, 1,024 to 512 channels, 2x2": (nn.ConvTranspose2d(1024, 512, 4, 2, 1), 1024, 2),
    "4x4 convolution, 512 to 512 channels, 8x8": (nn.Conv2d(512, 512, 4, 2, 1), 512, 8),
}


@pytest.mark.parametrize("batch_size", [1, 16])
@pytest.mark.parametrize("layer", LAYERS)
def test_bench_small_convolution_against_the_library(side_by_side: Any, layer: str, batch_size: int) -> None:
    module, channels, size = LAYERS[layer]
    image = torch.randn(batch_size, channels, size, size, requires_grad=True)
    plain, fast = passes(module, image), passes(module, image)

    execution = NetworkExecution(nn.Sequential(module), EngineSettings(precision="fp32"), CPU, compiled=False)

    def matmul() -> object:
        with execution.training():
            return fast()

    macs = module.weight.numel() * batch_size * (size if isinstance(module, nn.ConvTranspose2d) else size // 2) ** 2
    side_by_side(
        plain,
        matmul,
        what=f"{layer}, batch {batch_size}: forward, backward",
        against="torch's own convolution",
        settings="bf16",
    )
    side_by_side.benchmark.extra_info["floor"] = (
        f"{6 * macs / 1e9:.2f} GFLOP, {module.weight.numel() * 12 / 1e9:.2f} GB"
    )


def passes(module: nn.Module, image: torch.Tensor) -> Callable[[], object]:
    """Return a function that goes forward and backward once, under autocast."""

    def both() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            output = module(image)
        return torch.autograd.grad(output, [image, *module.parameters()], torch.ones_like(output))

    return both
