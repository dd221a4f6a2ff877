"""A few steps of a method in this process, for its author's debugger: no supervisor, no row, no file that stays."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.errors import DataError, UsageError
from petbench.methods.devices import choose_device
from petbench.methods.predicted_file import check_prediction
from petbench.runs.build_planned import build_planned
from petbench.runs.planned import open_planned
from petbench.training.context import TrainingContext
from petbench.training.prediction_errors import prediction_errors
from petbench.training.randomness import seed_everything
from petbench.training.runnable_method import HarnessOnly
from petbench.training.scan_reading import read_scan
from petbench.training.step_trainer import StepTrainer
from petbench.training.volumes import gather_validation, gather_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench_datasets.dataset.reader import Dataset, Pair
    from petbench_datasets.dataset.split import Fold


STEPS = 20
"""Where nobody says how many."""


def debug(plan: RunPlan, home: Home, registry: Registry, *, steps: int, say: Callable[[str], None]) -> None:
    """Build the method of a plan, train it for some steps, and predict one participant that does not test.

    Everything happens in this process and thread: `breakpoint()` and a debugger work, and what goes wrong is raised
    where it happens. The networks run as they are written: not compiled, not replayed as a graph.

    Args:
        plan: as for a run; its budget is not looked at.
        home: where methods' environments are.
        registry: the installed plugins.
        steps: of training; for a method with a loop of its own, calls of `advance` with one image each.
        say: shows a line.

    Raises:
        UsageError: the method runs as a program of its own.
        DataError: there is nobody to predict, or the dataset has not got what the method needs.
    """
    spec, _ = registry.method(plan.method)
    if plan.declined:
        raise DataError(plan.declined)
    if spec.is_program:
        raise UsageError(f"{plan.method} runs as a program of its own, where no debugger of this process reaches it")
    dataset, fold = open_planned(plan)
    seed_everything(plan.seed, "weights")
    method = build_planned(plan, registry, home.environments)
    device = choose_device(plan.device)
    method.to(device)
    stepwise = method.step_method if isinstance(method, StepTrainer) else None
    images_of_a_step = stepwise.parameters_chosen.batch_size * stepwise.delayed_slices if stepwise else 1
    engine = EngineSettings(
        precision=plan.precision, compile="off", cuda_graphs="off", deterministic=plan.deterministic
    )
    with tempfile.TemporaryDirectory(prefix="petbench-debug-") as temporary:
        run = _Shown(
            seed=plan.seed,
            budget=Budget(images=steps * images_of_a_step),
            device=device,
            folder=Path(temporary),
            engine=engine,
            harness_validates=method.validates,
        )
        run.say = say
        data = gather_volumes(dataset, fold, spec.supervision, spec.needs, seed=plan.seed)
        pairs = gather_validation(dataset, fold.validation, spec.needs) if method.validates else ()
        started = time.perf_counter()
        method.fit(data, run, HarnessOnly(pairs))
        say(f"{run.images_seen} images in {time.perf_counter() - started:.1f} s on {device}")
    pair = _somebody(dataset, fold)
    predicted = np.asarray(method.predict(read_scan(dataset, pair.participant, spec.needs)))
    check_prediction(f"the prediction of {plan.method}", predicted.shape, predicted.dtype, expected=pair.early.shape)
    errors = prediction_errors(pair.early, pair.delayed, predicted)
    shown = ", ".join(f"{key} {value:.4g}" for key, value in errors.items())
    say(f"{pair.participant}, who does not test: {shown}")
    say("nothing was recorded")


class _Shown(TrainingContext):
    """Shows the losses of every step."""

    say: Callable[[str], None]
    _shown = 0

    def advance(self, images: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Count `images` more, and show the losses."""
        values = losses()
        super().advance(images, lambda: values)
        self._shown += 1
        shown = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.say(f"step {self._shown}: {shown or 'no losses'}")


def _somebody(dataset: Dataset, fold: Fold) -> Pair:
    """Return the images of a participant who does not test: the first who validates, or else trains."""
    for participant in (*fold.validation, *fold.train):
        if participant not in dataset.withheld:
            return dataset.pair(participant)
    raise DataError("nobody of this fold can be predicted without a test participant")
