"""What it costs that scores are computed in a process of their own, started when a method's has ended."""

from __future__ import annotations

import resource
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmarks.conftest import timed

from petbench.home import Home
from petbench.plans.datasets import find_dataset
from petbench.plans.planner import Place, Request, plan_on
from petbench.registry import load_plugins
from petbench.runs.scorer import Scorer
from petbench.runs.scoring.parent import ScoringProcess, scoring_tasks
from petbench.settings import Settings
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 3
MINI = "fdg-phantom-mini"


@pytest.mark.slow
def test_bench_a_process_of_its_own_that_scores(benchmark: Any, tmp_path: Path) -> None:
    """Both score every test participant with every metric; the process is started, imports, scores and ends."""
    settings, registry = Settings(offline=True), load_plugins()
    named = find_dataset(MINI, Home(settings.home), registry, silent)
    dataset, split = named.dataset, load_split(named.dataset, "holdout")
    test = split.folds[0].test
    for who in test:
        early, grid = dataset.early(who)
        write_image(tmp_path / f"{who}.nii.gz", early, grid)
    plan = plan_on(Request(method="identity", dataset=MINI, device="cpu"), Place(MINI, dataset, split), registry)
    (task,) = scoring_tasks(settings, plan, (), "cpu")
    scorer = Scorer.of(settings, registry, silent)

    def here() -> None:
        scorer.score(dataset, test, tmp_path)

    def apart() -> None:
        with ScoringProcess(task, silent) as process:
            process.score(tmp_path, None)

    here()  # features of real slices are kept from now on
    apart()
    plain, more, processor = [], [], []

    def both() -> None:
        before = time.process_time()
        plain.append(timed(here))
        spent, before = time.process_time() - before, _of_children()
        more.append(timed(apart) - plain[-1])
        processor.append(_of_children() - before - spent)

    benchmark.pedantic(both, rounds=ROUNDS)
    benchmark.extra_info.update(
        what="scoring in a process of its own, more than in the run's",
        settings=f"the test of {MINI}",
        seconds=median(more),
        wanted_seconds=2.0,
        floor=f"{median(plain):.2f} s of scoring; {median(processor):.2f} s of CPU time more",
        rounds=ROUNDS,
    )


def _of_children() -> float:
    """Return the seconds that processors have spent on processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
