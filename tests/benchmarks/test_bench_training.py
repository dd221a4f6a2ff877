"""Training images a second of the engine, as a multiple of a plain loop measured beside it.

The plain loop is what public code does: a DataLoader over numpy slices, eager float32, Adam as it comes, losses read at
every step; the same networks, the same batches' size, the same number of updates. PETBENCH_BENCH_DEVICE=cuda measures
there; PETBENCH_BENCH_WIDTH changes the networks' width (64 is the published one).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from petbench import Batch, Scan, StepMethod, Update
from petbench.engine_settings import EngineSettings
from petbench.training.data import load_tensors
from petbench.training.network_execution import NetworkExecution
from petbench.training.optimizers import Optimizers
from petbench.training.sampler import Sampler
from petbench_gan.cyclegan import CycleGan
from petbench_gan.parameters import CycleGanParameters, Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from petbench import Supervision, Volume

WIDTH = int(os.environ.get("PETBENCH_BENCH_WIDTH", "64"))
ADAM_BYTES = 28
"""A weight's share of one Adam step: weight, gradient and two moments read, all but the gradient written."""


class FakeData:
    def __init__(self, supervision: Supervision) -> None:
        self.supervision = supervision
        self.volume = np.random.default_rng(0).random((96, 128, 128), dtype=np.float32)

    def scans(self) -> list[Scan]:
        return [Scan(self.volume)]

    def delayed(self) -> list[Volume]:
        return [self.volume]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return [(Scan(self.volume), self.volume)]


class PlainSlices(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self, volume: Volume) -> None:
        self.volume = volume

    def __len__(self) -> int:
        return len(self.volume)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.from_numpy(np.log1p(self.volume[index])[None] / np.float32(np.log1p(50.0)) * 2 - 1)
        return image, image.clone()


def make(name: str, batch_size: int, width: int) -> StepMethod:
    torch.manual_seed(0)
    if name == "cyclegan":
        return CycleGan(
            CycleGanParameters(width=width, discriminator_width=width, batch_size=batch_size, suv_clip=100.0)
        )
    return Pix2pix(Pix2pixParameters(width=width, discriminator_width=width, batch_size=batch_size, suv_clip=100.0))


def plain_loop(
    name: str, batch_size: int, device: torch.device, width: int = WIDTH
) -> tuple[StepMethod, Callable[[], object]]:
    method = make(name, batch_size, width).to(device)
    data = FakeData("paired")
    optimizers = {
        optimizer: torch.optim.Adam(module.parameters(), 2e-4, betas=(0.5, 0.999))
        for optimizer, module in method.optimizers().items()
        if isinstance(module, torch.nn.Module)
    }

    def batches() -> Iterator[Any]:
        while True:
            yield from DataLoader(PlainSlices(data.volume), batch_size, shuffle=True, drop_last=True)

    source = batches()

    def step() -> object:
        early, delayed = (part.to(device) for part in next(source))
        shown: dict[str, float] = {}
        for update in method.training_step(Batch(early, delayed)):
            assert isinstance(update, Update)
            optimizers[update.optimizer].zero_grad()
            sum(update.terms.values(), torch.zeros((), device=device)).backward()  # type: ignore[no-untyped-call]
            optimizers[update.optimizer].step()
            shown |= {key: value.item() for key, value in update.terms.items()}
        return shown

    return method, step


def engine_step(
    name: str, batch_size: int, device: torch.device, width: int = WIDTH, *, captured: bool = False
) -> tuple[StepMethod, Callable[[], object]]:
    method = make(name, batch_size, width).to(device)
    data = FakeData("unpaired" if name == "cyclegan" else "paired")
    tensors = load_tensors(data, method.intensity, device, size_multiple=128)
    sampler = Sampler(tensors, device, batch_size=batch_size, shift_voxels=8, seed=0)
    optimizers = Optimizers(method, device, captured=captured)
    position = iter(range(0, 10**9, batch_size))
    return method, lambda: optimizers.step(sampler.batch(next(position)), 0.0)


@pytest.mark.parametrize("batch_size", [1, 16, 64])
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_bench_training_against_a_plain_loop(
    side_by_side: Any, device: torch.device, peak_rate: Callable[[torch.dtype], float], name: str, batch_size: int
) -> None:
    units = device.type == "cuda" or torch.backends.cpu.get_cpu_capability() in ("AVX512", "AVX512_BF16", "AMX")
    settings = EngineSettings(precision="bf16" if units else "fp32")
    compiled = settings.compiles(device.type, None)
    plain_method, plain = plain_loop(name, batch_size, device)
    with FlopCounterMode(display=False) as counter:
        plain()
    captured = settings.captures(device.type, capturable=plain_method.capturable)
    method, step = engine_step(name, batch_size, device, captured=captured)
    how = [settings.precision, *(["compiled"] * compiled), *(["CUDA graph"] * captured), f"width {WIDTH}"]
    with NetworkExecution(method, settings, device, compiled=compiled).training():
        ratio = side_by_side(
            plain,
            step,
            what=f"training {name}, batch {batch_size}",
            against="plain loop",
            wanted=4.0 if device.type == "cuda" else 2.5 if batch_size == 16 else None,
            settings=", ".join(how),
        )
    weights = sum(parameter.numel() for parameter in plain_method.parameters())
    facts = side_by_side.benchmark.extra_info
    seconds = facts["plain_seconds"] / ratio
    operations = counter.get_total_flops()
    facts["images_per_second"] = batch_size / seconds
    facts["plain_images_per_second"] = batch_size / facts["plain_seconds"]
    facts["floor"] = f"{operations / 1e9:.0f} GFLOP, {ADAM_BYTES * weights / 1e9:.2f} GB for Adam"
    facts["peak_share"] = operations / seconds / peak_rate(torch.bfloat16 if units else torch.float32)
