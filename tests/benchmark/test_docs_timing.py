"""What the page on timing says is what the harness measures."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
from tests.benchmark.docs_reader import DOCS

from petbench.methods.plain_method import PlainMethod
from petbench.runs import pipeline, predict_fold
from petbench.training import clock as clock_module
from petbench.training.clock import StandStill, TrainingClock
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    import pytest

    from petbench.contract import Volume
    from petbench.training.context import TrainingContext
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
    run = cast("TrainingContext", SimpleNamespace(images_seen=1116, images_at_start=100))
    costs = pipeline._training_costs(run, clock)
    assert costs == {"images_seen": 1116, "train_seconds": 64.0, "images_per_second": 1000 / 50}


def test_the_seconds_of_a_volume_are_those_of_predict_without_reading_and_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "reading and writing files is not in it" in PAGE
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("time.perf_counter", lambda: clock.now)

    class SlowToRead:
        def early(self, participant: str) -> tuple[Volume, Grid]:
            clock.now += 100.0
            return np.zeros(GRID.shape, dtype=np.float32), GRID

        def grid(self, participant: str) -> Grid:
            return GRID

    class OneSecond:
        def fit(self, *_: Any) -> None: ...

        def predict(self, early: Volume) -> Volume:
            clock.now += 1.0
            return early

        def state_dict(self) -> dict[str, Any]:
            return {}

        def load_state_dict(self, state: Any) -> None: ...

    def write(path: Path, volume: Volume, grid: Grid) -> None:
        clock.now += 1000.0

    monkeypatch.setattr(predict_fold, "write_image", write)
    seconds = predict_fold.predict_participants(
        PlainMethod(OneSecond()), "slow", ("sub-02", "sub-03"), cast("Dataset", SlowToRead()), tmp_path
    )
    assert seconds == 1.0


def test_memory_is_the_largest_that_the_process_or_one_that_it_started_has_had() -> None:
    assert "Memory is the largest resident size of the run's process, or of one that it started" in PAGE
    assert pipeline._peak_memory_bytes() >= 50 * 2**20
