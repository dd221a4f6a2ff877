"""What the page on timing says is what the harness measures."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from tests.benchmark.docs_reader import DOCS

from petbench.methods.plain_method import PlainMethod
from petbench.runs import pipeline, predict_fold
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
    recorded = re.findall(r'(?:self\._phase\(|parts\[)"([a-z-]+)"', source)
    on_page = re.findall(r"^\| ([a-z][a-z-]+) \|", PAGE, flags=re.MULTILINE)
    assert on_page == ["phase", "prepare", "warm-up", "train", "predict", "validation", "score"]
    assert set(on_page[1:]) == set(recorded)


def test_the_training_rate_leaves_out_the_warm_up_and_what_earlier_parts_of_the_run_did() -> None:
    assert "`images/s` is images seen in training over seconds of training, without the warm-up" in PAGE
    run = SimpleNamespace(
        images_seen=1100, images_at_start=100, seconds_spent=64.0, seconds_before=10.0, warm_up_seconds=4.0
    )
    costs = pipeline._training_costs(cast("TrainingContext", run))
    assert costs == {"images_seen": 1100, "train_seconds": 64.0, "images_per_second": 1000 / 50}


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
