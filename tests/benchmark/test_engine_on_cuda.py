"""What the engine does otherwise on a CUDA device: which settings apply there, and that they change no result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from petbench import Batch, StepMethod
from petbench.engine_settings import EngineSettings
from petbench.training.network_execution import NetworkExecution
from petbench.training.optimizers import Optimizers
from petbench_gan.cyclegan import CycleGan
from petbench_gan.parameters import CycleGanParameters, Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix

if TYPE_CHECKING:
    from petbench.engine_settings import CudaGraphs

CPU = torch.device("cpu")
SMALL = {"depth": 3, "width": 4, "discriminator_layers": 1, "discriminator_width": 4, "dropout": False}


def make(name: str) -> StepMethod:
    if name == "cyclegan":
        return CycleGan(CycleGanParameters.model_validate({**SMALL, "suv_clip": 100.0}))
    return Pix2pix(Pix2pixParameters.model_validate({**SMALL, "suv_clip": 100.0}))


@pytest.mark.parametrize(
    ("setting", "device", "capturable", "expected"),
    [("auto", "cuda", True, True), ("auto", "cuda", False, False), ("on", "cuda", False, True),
     ("off", "cuda", True, False), ("auto", "cpu", True, False), ("on", "cpu", True, False)],
)  # fmt: skip
def test_steps_are_replayed_on_a_cuda_device_where_the_method_declares_it_or_the_user_asks(
    setting: CudaGraphs, device: str, capturable: bool, expected: bool
) -> None:
    assert EngineSettings(cuda_graphs=setting).captures(device, capturable=capturable) is expected


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_layout_of_weights_changes_where_numbers_lie_and_not_which(dimensions: int) -> None:
    torch.manual_seed(0)
    convolution, size = (nn.Conv2d, (1, 4, 8, 8)) if dimensions == 2 else (nn.Conv3d, (1, 4, 6, 8, 8))
    first, last = convolution(4, 8, 3, padding=1), convolution(8, 4, 3, padding=1)
    network = nn.Sequential(first, nn.ReLU(), last)
    image = torch.rand(size)
    expected = network(image)
    execution = NetworkExecution(network, EngineSettings("fp32", channels_last="on"), CPU, compiled=False)
    with execution.training():
        assert first.weight.stride()[1] == 1, "the channels of a voxel are neighbours"
        torch.testing.assert_close(network(image), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_replayed_steps_are_the_steps_as_written(name: str) -> None:
    device = torch.device("cuda")
    batches = [Batch(*torch.rand(2, 2, 1, 16, 16, device=device)) for _ in range(12)]
    ends = []
    for captured in (False, True):
        torch.manual_seed(0)
        method = make(name).to(device)
        optimizers = Optimizers(method, device, captured=captured)
        for batch in batches:
            optimizers.step(batch, 0.0)
        ends.append((method.state_dict(), optimizers.losses()))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-5, atol=1e-7)
