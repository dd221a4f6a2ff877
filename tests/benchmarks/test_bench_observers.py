"""What observers cost the steps of a training: a real tracker beside it, frozen and set free in turn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
import torch
from tests.benchmarks.conftest import SECONDS
from tests.benchmarks.test_bench_harness import MiniData

from petbench import Scan
from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.run_events import RunFacts, RunStarted
from petbench.runs.example_images import save_real
from petbench.runs.observing.messages import Chosen, Observed, pack
from petbench.runs.observing.watch import start_host
from petbench.training.context import TrainingContext
from petbench.training.example_image import save_predicted
from petbench.training.step_trainer import StepTrainer
from petbench_gan.parameters import Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix
from petbench_gan.presets import PIX2PIX

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_SECONDS = 3.0
"""Longer than the two seconds between entries of the log, so that each block has one."""
WARM_UP_SECONDS = 10.0
"""For the observer to be imported, and for the first steps."""

RUN = RunFacts(
    run=1, uid="0" * 32, identity="0" * 64, method="pix2pix", dataset="mini", split="holdout", fold=0, seed=0
)  # fmt: skip


class Alternating(TrainingContext):
    """Times steps with observers that may work, and with observers that are frozen, in blocks of a few seconds.

    What has come while they were frozen they catch up with in the next block, which makes them dearer than they are.
    Each such block is compared with the frozen ones before and after it, and the median of these ratios is the result,
    so that what else the machine does for a while decides little.
    """

    host: psutil.Process

    def begin(self) -> None:
        self.blocks: dict[bool, list[list[tuple[float, float]]]] = {True: [], False: []}
        self.observers_seconds = 0.0
        self._free, self._left, self._left_cpu = True, 0.0, 0.0
        self._until = time.perf_counter() + WARM_UP_SECONDS
        self._warm = False

    def should_stop(self) -> bool:
        now = time.perf_counter()
        if self._warm:
            self.blocks[self._free][-1].append((now - self._left, time.process_time() - self._left_cpu))
        if now > self._until:
            self._change()
        stop = super().should_stop() or len(self.blocks[False]) > max(3.0, SECONDS / BLOCK_SECONDS)
        self._left, self._left_cpu = time.perf_counter(), time.process_time()
        return stop

    def ratios(self) -> tuple[float, float]:
        """Return how many times longer a step takes with observers, and how much more processors spend on it."""
        free, frozen = ([np.mean(block, axis=0) for block in self.blocks[side] if block] for side in (True, False))
        pairs = zip(frozen, free, frozen[1:], strict=False)
        seconds, cpu = np.median([2.0 * middle / (before + after) for before, middle, after in pairs], axis=0)
        return float(seconds), float(cpu)

    def mean_step(self) -> float:
        """Return the seconds of a step without observers, the median over blocks."""
        return float(np.median([np.mean([seconds for seconds, _ in block]) for block in self.blocks[False] if block]))

    def _change(self) -> None:
        self._free = not self._free
        family = [self.host, *self.host.children(recursive=True)]
        if not self._warm:
            self._before = _processor_seconds(family)
        self.observers_seconds = _processor_seconds(family) - self._before
        self._warm = True
        self.blocks[self._free].append([])
        for process in family:
            process.resume() if self._free else process.suspend()
        if self._free:  # a validation in each such block, where a training has five in all
            save_predicted(self.folder, self.images_seen, np.full((64, 64), 1.0, np.float32))
        self._until = time.perf_counter() + BLOCK_SECONDS


def _processor_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@pytest.mark.slow
def test_bench_what_observers_cost_a_training(benchmark: Any, device: torch.device, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    image = np.ones((1, 64, 64), np.float32)
    save_real(tmp_path / "example.npy", Scan(image), image)
    chosen = Chosen(name="tensorboard", distribution="petbench", entry_point="trackers", folder=tmp_path / "observer")
    task = Observed(
        observers=(chosen,),
        started=pack(RunStarted(run=RUN)),
        trainings=(tmp_path,),
        example=tmp_path / "example.npy",
        log=tmp_path / "observers.log",
        patience_seconds=5.0,
        told=tmp_path / "told",
    )
    parameters = Pix2pixParameters.model_validate({**PIX2PIX["mini"], "validations": 0, "suv_clip": 50.0})
    run = Alternating(
        seed=0,
        budget=Budget(images=10**9),
        device=device,
        folder=tmp_path,
        engine=EngineSettings(),
        checkpoint_seconds=10.0**9,
    )
    process = start_host(task)
    try:
        run.host = psutil.Process(process.pid)
        run.begin()
        benchmark.pedantic(StepTrainer(Pix2pix(parameters)).fit, args=(MiniData(), run), rounds=1)
    finally:
        for each in [run.host, *run.host.children(recursive=True)]:
            each.kill()
        process.communicate()
    assert list((tmp_path / "observer").rglob("events.out.tfevents.*"))
    (longer, more), plain = run.ratios(), run.mean_step()
    steps = sum(len(block) for side in run.blocks.values() for block in side)
    of_observers = run.observers_seconds / steps
    benchmark.extra_info.update(
        what="a step of pix2pix mini with TensorBoard beside it",
        against="with observers frozen",
        seconds=plain * longer,
        plain_seconds=plain,
        ratio=1.0 / longer,
        overhead=longer - 1.0,
        ratio_of_processor_time=1.0 / (more + of_observers / plain),
        wanted_overhead=0.01,
        floor=f"{of_observers / plain:.2%} of a step: the processor time of the observer's processes",
        device=str(device),
        settings=f"threads: {torch.get_num_threads()}",
    )
