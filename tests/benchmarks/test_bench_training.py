"""Training images a second of the engine, as a multiple of a plain loop measured beside it.

The plain loop is what public code does: a DataLoader over numpy slices, eager float32, Adam as it comes, losses read at
every step; the same networks, the same batches' size, the same number of updates. Run with
`pytest tests/benchmarks/test_bench_training.py --benchmark-enable --benchmark-only -s`. PETBENCH_BENCH_DEVICE=cuda
measures there; PETBENCH_BENCH_WIDTH changes the generator's width (64 is the published one).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from petbench import Batch, StepMethod, Update
from petbench.training.acceleration import accelerated
from petbench.training.checkpoint import CheckpointFolder
from petbench.training.data import load_tensors
from petbench.training.players import Players
from petbench.training.sampler import Sampler
from petbench.training.settings import EngineSettings
from petbench_gan.cyclegan import CycleGan
from petbench_gan.pix2pix import Pix2pix
from petbench_gan.settings import CycleGanParameters, Pix2pixParameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench import Supervision, Volume

DEVICE = torch.device(os.environ.get("PETBENCH_BENCH_DEVICE", "cpu"))
WIDTH = int(os.environ.get("PETBENCH_BENCH_WIDTH", "32"))
SECONDS = 6.0


class FakeData:
    def __init__(self, supervision: Supervision) -> None:
        self.supervision = supervision
        self.volume = np.random.default_rng(0).random((96, 128, 128), dtype=np.float32)

    def early(self) -> list[Volume]:
        return [self.volume]

    def delayed(self) -> list[Volume]:
        return [self.volume]

    def pairs(self) -> list[tuple[Volume, Volume]]:
        return [(self.volume, self.volume)]

    def validation_pairs(self) -> list[tuple[Volume, Volume]]:
        return []


class PlainSlices(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(self, volume: Volume) -> None:
        self.volume = volume

    def __len__(self) -> int:
        return len(self.volume)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.from_numpy(np.log1p(self.volume[index])[None] / np.float32(np.log1p(50.0)) * 2 - 1)
        return image, image.clone()


def make(name: str, batch_size: int) -> StepMethod:
    torch.manual_seed(0)
    if name == "cyclegan":
        return CycleGan(CycleGanParameters(width=WIDTH, batch_size=batch_size))
    return Pix2pix(Pix2pixParameters(width=WIDTH, batch_size=batch_size))


def rate(step: Callable[[], object], batch_size: int) -> float:
    """Return images a second over some seconds, after two steps of warm-up."""
    step(), step()
    synchronise()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS or steps < 2:
        step()
        steps += 1
    synchronise()
    return steps * batch_size / (time.perf_counter() - start)


def synchronise() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def plain_loop(name: str, batch_size: int) -> Callable[[], object]:
    method = make(name, batch_size).to(DEVICE)
    data = FakeData("paired")
    players = {player: torch.optim.Adam(module.parameters(), 2e-4) for player, module in method.players().items()}

    def batches() -> Any:
        while True:
            yield from DataLoader(PlainSlices(data.volume), batch_size, shuffle=True, drop_last=True)

    source = batches()

    def step() -> object:
        early, delayed = (part.to(DEVICE) for part in next(source))
        shown: dict[str, float] = {}
        for update in method.training_step(Batch(early, delayed)):
            assert isinstance(update, Update)
            players[update.player].zero_grad()
            sum(update.terms.values(), torch.zeros((), device=DEVICE)).backward()  # type: ignore[no-untyped-call]
            players[update.player].step()
            shown |= {key: value.item() for key, value in update.terms.items()}
        return shown

    return step


def engine_step(name: str, batch_size: int, data: FakeData) -> tuple[StepMethod, Callable[[], object]]:
    method = make(name, batch_size).to(DEVICE)
    tensors = load_tensors(data, method.intensity, DEVICE, size_multiple=128)
    sampler = Sampler(tensors, DEVICE, batch_size=batch_size, shift_voxels=8, seed=0)
    players = Players(method, DEVICE)
    position = iter(range(0, 10**9, batch_size))
    return method, lambda: players.step(sampler.batch(next(position)), 0.0)


@pytest.mark.parametrize("batch_size", [1, 16, 64])
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_bench_training_against_a_plain_loop(benchmark: Any, name: str, batch_size: int) -> None:
    precision = "bf16" if DEVICE.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512" else "fp32"
    settings = EngineSettings(precision=precision, compile="on" if DEVICE.type == "cuda" else "off")  # type: ignore[arg-type]
    data = FakeData("unpaired" if name == "cyclegan" else "paired")
    plain = rate(plain_loop(name, batch_size), batch_size)
    method, step = engine_step(name, batch_size, data)
    with accelerated(method, settings, DEVICE, compiled=settings.compile == "on"):
        fast = rate(step, batch_size)
        benchmark.pedantic(step, rounds=2)
    benchmark.extra_info.update(
        plain_images_per_second=plain, images_per_second=fast, ratio=fast / plain, **settings.to_json()
    )


def test_bench_what_a_checkpoint_costs_the_training(benchmark: Any, tmp_path: Path) -> None:
    """The stall is the copy; writing goes on beside the next steps."""
    method = make("pix2pix", 1).to(DEVICE)
    folder = CheckpointFolder(tmp_path)
    benchmark.pedantic(lambda: folder.save(1, {"weights": method.state_dict()}), setup=folder.wait, rounds=5)
    folder.wait()
