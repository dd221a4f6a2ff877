"""What the page on timing says is what the harness measures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import pytest
from tests.benchmark.docs_reader import DOCS

from petbench import Scan
from petbench.runs import pipeline, predict_fold
from petbench.runs.method_process import messages
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.parent import MethodProcess
from petbench.runs.training_costs import training_costs
from petbench.training import clock as clock_module
from petbench.training.clock import StandStill, TrainingClock
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Volume
    from petbench.runs.method_process.messages import Task, Trained
    from petbench_datasets.dataset.reader import Dataset

PAGE = (DOCS / "timing.md").read_text(encoding="utf-8")
GRID = Grid.regular((2, 3, 4), (1.0, 1.0, 1.0))


def test_the_phases_on_the_page_are_those_that_a_run_records() -> None:
    source = Path(pipeline.__file__).read_text(encoding="utf-8")
    recorded = {*re.findall(r'self\._phase\("([a-z-]+)"', source), "warm-up", *get_args(StandStill)}
    on_page = re.findall(r"^\| ([a-z][a-z-]+) \|", PAGE, flags=re.MULTILINE)
    assert on_page == ["phase", "prepare", "warm-up", "train", "validation", "checkpoint", "predict", "score"]
    assert set(on_page[1:]) == recorded


def test_the_training_rate_is_that_of_the_steps_after_the_first_one_of_the_last_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = " ".join(PAGE.split())
    assert "`images/s` is the images seen after the warm-up over the seconds of *train* alone" in text
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    clock = TrainingClock()
    clock.before = 10.0
    now.seconds = 4.0
    clock.warmed_up(16)
    with clock.standing_still("validation"):
        now.seconds += 30.0
    now.seconds += 50.0
    trained = cast("Trained", SimpleNamespace(images_seen=1116, images_at_start=100))
    costs = training_costs(trained, clock)
    assert costs == {"images_seen": 1116, "train_seconds": 64.0, "images_per_second": 1000 / 50}


def test_the_seconds_of_a_volume_are_those_of_predict_without_reading_and_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "reading the dataset and writing the prediction are not in it" in PAGE
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)
    volume = np.zeros(GRID.shape, dtype=np.float32)

    def scans() -> Iterator[tuple[str, Scan]]:
        for participant in ("sub-02", "sub-03"):
            clock.now += 100.0
            yield participant, Scan(volume)

    def predicting() -> Iterator[Any]:
        """Say what the process of a method says that needs one second for a volume."""
        for number in range(2):
            yield messages.NextPlease()
            clock.now += 1.0
            np.save(job.predicted(number), volume)
            yield messages.Predicted()
        yield messages.NextPlease()
        yield messages.Done()

    job = JobFolder(tmp_path / "job")
    job.prepare(tmp_path / "training")
    process = MethodProcess.__new__(MethodProcess)
    process._job, process._task = job, cast("Task", SimpleNamespace(method="slow"))
    said = predicting()
    monkeypatch.setattr(process, "_receive", lambda: next(said))
    monkeypatch.setattr(process, "_send", lambda *_: None)

    def write(path: Path, volume: Volume, grid: Grid) -> None:
        clock.now += 1000.0

    class Known:
        def grid(self, participant: str) -> Grid:
            return GRID

    monkeypatch.setattr(predict_fold, "write_image", write)
    digests: dict[str, str] = {}
    seconds = predict_fold.write_predictions(
        process.predict(scans()), "slow", cast("Dataset", Known()), tmp_path, digests
    )
    assert seconds == 1.0
    assert list(digests) == ["sub-02", "sub-03"]


@pytest.mark.slow
def test_memory_is_the_largest_that_the_process_or_one_that_it_started_has_had() -> None:
    assert "Memory is the largest resident size of the method's process, or of one that it started" in PAGE
    subprocess.run([sys.executable, "-c", "bytes(2**27)"], check=True)
    assert pipeline.peak_memory_bytes() >= 2**27
