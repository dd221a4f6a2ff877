"""A cohort of 440 x 440 x 531 voxels, as of a total-body scanner: a whole run on it, and how much memory that takes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from tests.benchmarks import conftest
from tests.benchmarks.conftest import timed, write_whole_bodies

from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

LARGE = Grid.regular((531, 440, 440), (2.0, 1.65, 1.65))
LEAST_FREE_BYTES = 16 * 10**9
MACHINE_BYTES = 24e9
_LOOK_SECONDS = 1.0
"""Looking takes time of its own: of every page that a process holds, who shares it."""


def peak_bytes_of(command: list[str], variables: dict[str, str]) -> int:
    """Run a command and return the most memory that it and all it started held at once; shared pages count once."""
    process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(_LOOK_SECONDS):
            held = 0
            for each in (root, *root.children(recursive=True)):
                try:
                    held += each.memory_full_info().pss
                except psutil.Error:  # it has just ended
                    continue
            peak = max(peak, held)

    root = psutil.Process(process.pid)
    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        _, said = process.communicate()
    finally:
        done.set()
        watcher.join()
    assert process.returncode == 0, said.decode()
    return peak


@pytest.fixture(scope="module")
def large_bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if psutil.virtual_memory().available < LEAST_FREE_BYTES:
        pytest.skip("less than 16 GB of memory are free")
    return write_whole_bodies(tmp_path_factory.mktemp("large") / "bodies", LARGE)


@pytest.mark.parametrize("method", [("scale",), ("pix2pix", "--preset", "mini", "--budget", "images=64")])
def test_bench_a_run_on_a_cohort_of_a_total_body_scanner(
    benchmark: Any, large_bodies: Path, tmp_path: Path, method: tuple[str, ...]
) -> None:
    """Opened, trained on one participant, validated on another and scored with every metric on a third."""
    asked = [sys.executable, "-m", "petbench", "run", "--method", *method, "--dataset", str(large_bodies)]
    variables = {"PETBENCH_HOME": str(tmp_path / "home"), "PETBENCH_OFFLINE": "1"}
    peaks: list[int] = []
    spent: list[float] = []
    benchmark.pedantic(
        lambda: spent.append(timed(lambda: peaks.append(peak_bytes_of(asked, variables)))), rounds=1, iterations=1
    )
    voxels = int(np.prod(LARGE.shape))
    benchmark.extra_info.update(
        what=f"petbench run --method {' '.join(method)} on three participants of 440 x 440 x 531 voxels",
        seconds=spent[0],
        floor=f"{4 * voxels / 1e9:.2f} GB an image; {peaks[0] / 1e9:.1f} GB held at once",
        device=str(conftest.DEVICE),
    )
    assert peaks[0] < MACHINE_BYTES
