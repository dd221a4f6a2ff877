"""What the benchmarks share: two sides timed in turn, a dataset of whole bodies, and how a figure is reported."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

DEVICE = torch.device(os.environ.get("PETBENCH_BENCH_DEVICE", "cpu"))
SECONDS = float(os.environ.get("PETBENCH_BENCH_SECONDS", "20"))
"""About how long both sides of one comparison are run."""

GRID = Grid.regular((389, 128, 128), (5.0, 5.3456, 5.3456))
NAMES = ("sub-01", "sub-02", "sub-03")


def synchronise() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def timed(step: Callable[[], object]) -> float:
    """Return the seconds that a step takes."""
    start = time.perf_counter()
    step()
    synchronise()
    return time.perf_counter() - start


def processor_timed(step: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that a step takes, and those that processors spend on it."""
    start = time.process_time()
    return timed(step), time.process_time() - start


@dataclass(frozen=True)
class SideBySide:
    """Times a plain way and petbench's in turn, so that whatever else the machine does meets both.

    The ratio of CPU time is reported beside that of time: other programs on the machine hardly change it.
    """

    benchmark: Any

    def __call__(self, plain: Callable[[], object], ours: Callable[[], object], **facts: object) -> float:
        """Return how many times faster `ours` is, as a ratio of medians; `facts` goes into the page."""
        plain(), ours()  # first calls pay for buffers and code that later ones find ready
        once = timed(plain) + timed(ours)
        rounds = int(min(50, max(3, SECONDS / once)))
        spent: list[tuple[float, float]] = []
        own: list[tuple[float, float]] = []
        self.benchmark.pedantic(
            lambda: own.append(processor_timed(ours)),
            setup=lambda: spent.append(processor_timed(plain)),
            rounds=rounds,
        )
        (plain_seconds, plain_cpu), (seconds, cpu) = (
            (median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)) for pairs in (spent, own)
        )
        self.benchmark.extra_info.update(
            facts,
            seconds=seconds,
            plain_seconds=plain_seconds,
            ratio=plain_seconds / seconds,
            ratio_of_processor_time=plain_cpu / cpu if cpu else None,
            rounds=rounds,
            device=str(DEVICE),
        )
        return plain_seconds / seconds


@pytest.fixture
def side_by_side(benchmark: Any) -> SideBySide:
    return SideBySide(benchmark)


@pytest.fixture(scope="session")
def device() -> torch.device:
    return DEVICE


@pytest.fixture(scope="session")
def peak_rate() -> Callable[[torch.dtype], float]:
    """Return operations a second of a large matrix product: what this machine can do at best, today."""

    def measure(dtype: torch.dtype) -> float:
        size = 8192 if DEVICE.type == "cuda" else 1536
        first, second = (torch.randn(size, size, device=DEVICE).to(dtype) for _ in range(2))
        first @ second
        return 2.0 * size**3 / median(timed(lambda: first @ second) for _ in range(5))

    return measure


@pytest.fixture(scope="session")
def whole_bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_bodies(tmp_path_factory.mktemp("datasets") / "whole-bodies", GRID)


def write_whole_bodies(root: Path, grid: Grid) -> Path:
    """Write three participants on a grid: one to train on, one to validate and one to test on."""
    random = np.random.default_rng(0)
    for name in NAMES:
        for window, (start, seconds) in {"early": (420.0, 840.0), "delayed": (2520.0, 1260.0)}.items():
            path = root / name / "pet" / f"{name}_trc-18FFDG_rec-{window}_pet.nii.gz"
            write_image(path, body(random, grid), grid)
            path.with_name(path.name.replace(".nii.gz", ".json")).write_text(
                json.dumps(
                    {
                        "Units": "g/mL", "TracerName": "FDG", "TracerRadionuclide": "F18", "TimeZero": "10:00:00",
                        "ScanStart": 0, "InjectionStart": 0, "FrameTimesStart": [start], "FrameDuration": [seconds],
                    }
                ),
                encoding="utf-8",
            )  # fmt: skip
    (root / "participants.tsv").write_text("participant_id\n" + "\n".join(NAMES) + "\n", encoding="utf-8")
    (root / "dataset_description.json").write_text('{"Name": "bodies", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    fold = Fold((NAMES[0],), (NAMES[1],), (NAMES[2],))
    write_split(root, Split("holdout", open_dataset(root).fingerprint, (fold,)))
    return root


def body(random: np.random.Generator, grid: Grid) -> NDArray[np.float32]:
    """Return an ellipsoid of noisy tissue in air, SUV."""
    axes = (np.linspace(-1, 1, size, dtype=np.float32) for size in grid.shape)
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = (x / 0.55) ** 2 + (y / 0.35) ** 2 + (z / 0.98) ** 2 < 1
    noise = random.gamma(20.0, 0.05, grid.shape).astype(np.float32)
    return np.where(inside, noise * (1 + 6 * np.exp(-40 * (x**2 + y**2))), np.float32(0)).astype(np.float32)
