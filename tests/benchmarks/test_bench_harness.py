"""What the harness costs around the steps of a training: sampling, log, progress, stop, validation, checkpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench import Scan
from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.training.checkpoint import CheckpointFolder
from petbench.training.context import TrainingContext
from petbench.training.data import load_tensors
from petbench.training.network_execution import NetworkExecution
from petbench.training.optimizers import Optimizers
from petbench.training.sampler import Sampler
from petbench.training.step_trainer import StepTrainer
from petbench_gan.parameters import Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix
from petbench_gan.presets import PIX2PIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench import Supervision, Volume

STEPS = 400


class MiniData:
    """As many voxels as the training participants of fdg-phantom-mini."""

    supervision: Supervision = "paired"

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.volumes = [random.random((98, 64, 64), dtype=np.float32) for _ in range(5)]

    def scans(self) -> list[Scan]:
        return [Scan(volume) for volume in self.volumes[:4]]

    def delayed(self) -> list[Volume]:
        return self.volumes[:4]

    def pairs(self) -> list[tuple[Scan, Volume]]:
        return list(zip(self.scans(), self.delayed(), strict=True))


class Interleaved(TrainingContext):
    """Takes a bare step after each step of the harness and keeps the two times apart."""

    bare: Callable[[], object]

    def start(self) -> None:
        self.spent: dict[str, list[float]] = {"harness": [], "bare": []}
        self.left: float | None = None

    def should_stop(self) -> bool:
        now = time.perf_counter()
        if self.left is not None:
            self.spent["harness"].append(now - self.left)
        self.bare()
        done = time.perf_counter()
        self.spent["bare"].append(done - now)
        stop = super().should_stop()
        self.left = done
        return stop


def test_bench_what_the_harness_costs_a_training(benchmark: Any, device: torch.device, tmp_path: Path) -> None:
    """The bare loop takes the same steps on one batch that is ready; the mini preset's are the shortest there are."""
    parameters = Pix2pixParameters.model_validate({**PIX2PIX["mini"], "validations": 0, "suv_clip": 50.0})
    data, engine = MiniData(), EngineSettings()
    method, other = Pix2pix(parameters), Pix2pix(parameters).to(device)
    run = Interleaved(
        seed=0,
        budget=Budget(images=STEPS * parameters.batch_size),
        device=device,
        folder=tmp_path,
        engine=engine,
        checkpoint_seconds=10.0,
    )
    tensors = load_tensors(data, other.intensity, device, size_multiple=other.size_multiple)
    batch = Sampler(tensors, device, batch_size=parameters.batch_size, shift_voxels=0, seed=0).batch(0)
    optimizers = Optimizers(other, device)
    run.bare = lambda: optimizers.step(batch, 0.0)
    run.start()
    with NetworkExecution(other, engine, device, compiled=False).training():
        benchmark.pedantic(StepTrainer(method).fit, args=(data, run), rounds=1)
    harness, bare = (sum(run.spent[side][5:]) / len(run.spent[side][5:]) for side in ("harness", "bare"))
    benchmark.extra_info.update(
        what="a step of `petbench run`, pix2pix mini",
        against="the bare step",
        seconds=harness,
        plain_seconds=bare,
        ratio=bare / harness,
        overhead=harness / bare - 1.0,
        wanted_overhead=0.03,
        floor="the bare step",
        device=str(device),
    )


def test_bench_what_a_checkpoint_costs_the_training(side_by_side: Any, device: torch.device, tmp_path: Path) -> None:
    """The stall is the copy; hashing, writing and syncing run beside the next steps."""
    method = Pix2pix(Pix2pixParameters()).to(device)
    folder = CheckpointFolder(tmp_path / "checkpoints")
    state = {"weights": method.state_dict()}
    size = sum(tensor.numel() * tensor.element_size() for tensor in method.state_dict().values())

    def plain() -> None:
        folder.wait()  # nothing else is being written meanwhile
        torch.save(state, tmp_path / "plain.pt")

    def ours() -> None:
        folder.save(1, state)

    side_by_side(
        plain,
        ours,
        what="stall of a checkpoint, pix2pix paper",
        against="torch.save in the loop",
        floor=f"{2 * size / 1e9:.2f} GB copied",
    )
    folder.wait()
