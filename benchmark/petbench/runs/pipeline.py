"""The pipeline of a run, in the one order that it has: prepare, train, predict, score."""

from __future__ import annotations

import resource
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from petbench.engine_settings import EngineSettings
from petbench.errors import DataError, Interrupted
from petbench.evaluation.extractors.columns import check_named_weights
from petbench.home import Home
from petbench.methods import models
from petbench.registry import load_plugins
from petbench.runs.build_planned import build_planned
from petbench.runs.folder import RunFolder
from petbench.runs.origin import Origin
from petbench.runs.phases import Phases
from petbench.runs.predict_fold import predict_participants
from petbench.runs.scorer import Scorer, record_scores
from petbench.runs.time_to_target import record_history
from petbench.runs.validation import record_validation
from petbench.training.clock import TrainingClock
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.runnable_method import HarnessOnly
from petbench.training.volumes import gather_validation, gather_volumes
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench.processes.stop import StopFlag
    from petbench.runs.job import Job
    from petbench.runs.progress import ProgressBars
    from petbench.training.entitled_data import EntitledData
    from petbench.training.runnable_method import Pairs, RunnableMethod
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunChanges
    from petbench_leaderboard.store import Leaderboard

UNSCORED = (
    "unscored: the organizer of the dataset has the test targets; hand over what petbench submit makes of this run"
)


class Pipeline:
    """One run in this process; each phase is timed and recorded.

    Args:
        job: the run's row and folder, with the plan in it, and the user's settings.
        leaderboard: where the row is.
        stop: whether the user asked to stop.
        bars: what shows progress.
    """

    def __init__(
        self,
        job: Job,
        leaderboard: Leaderboard,
        stop: StopFlag,
        bars: ProgressBars,
    ) -> None:
        self._run_id = job.run_id
        self._folder = RunFolder(job.folder)
        self._settings = job.settings
        self._leaderboard = leaderboard
        self._stop = stop
        self._bars = bars
        self._phase = Phases(leaderboard, job.run_id)
        self._plan = self._folder.plan()

    def run(self) -> str | None:
        """Run all phases and return what is to be said of the run; one that was stopped resumes where it was.

        Raises:
            Interrupted: the user asked to stop; a checkpoint is in the folder.
        """
        with self._phase("prepare"):
            self._registry = load_plugins(raise_errors=self._settings.raise_errors)
            check_named_weights(self._settings.weights)
            dataset, fold = open_planned(self._plan)
            origin = Origin(self._plan, self._registry)
            method = self._build()
            origin.record(self._leaderboard, self._run_id, str(self._device), self._engine)
            if self._folder.is_trained:
                models.load(method, self._folder.model)
            else:
                data, validation = self._gather(dataset, fold), self._gather_validation(method, dataset, fold)
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        if not self._folder.is_trained:
            self._train(method, data, validation)
            with self._phase("checkpoint"):
                models.save(method, self._folder.model)
                self._folder.save_grid(dataset.grid(fold.train[0]))
        with self._phase("predict"):
            seconds = predict_participants(method, self._plan.method, fold.test, dataset, self._folder.predictions)
        self._record_costs(method, seconds)
        origin.record_code_that_ran(self._leaderboard, self._run_id, Home(self._settings.home).environments)
        if fold.validation and not dataset.withheld & set(fold.validation):
            self._validate(method, dataset, fold.validation)
        record_history(self._leaderboard, self._run_id, self._folder)
        if dataset.withheld & set(fold.test):
            return UNSCORED
        with self._phase("score"), self._bars.work() as progress:
            scorer = Scorer.of(self._settings, self._registry, progress, device=str(self._device))
            records = scorer.score(dataset, fold.test, self._folder.predictions)
            record_scores(self._leaderboard, self._run_id, dataset, records)
        return None

    @cached_property
    def _device(self) -> torch.device:
        return models.choose_device(self._plan.device)

    @property
    def _engine(self) -> EngineSettings:
        plan = self._plan
        return EngineSettings(precision=plan.precision, compile=plan.compile, deterministic=plan.deterministic)

    def _build(self) -> RunnableMethod:
        """Return the method, untrained, on its device."""
        if self._plan.deterministic:
            torch.use_deterministic_algorithms(mode=True)
        seed_everything(self._plan.seed, "method")  # for methods that draw random numbers from the global generators
        method = build_planned(self._plan, self._registry, Home(self._settings.home).environments)
        method.to(self._device)
        return method

    def _gather(self, dataset: Dataset, fold: Fold) -> EntitledData:
        """Copy what the method may learn from; nothing that it is handed afterwards leads to the dataset."""
        self._folder.training.mkdir(exist_ok=True)
        with self._bars.work() as progress:
            return gather_volumes(
                dataset,
                fold,
                self._plan.supervision,  # type: ignore[arg-type] # a method's plan has one that methods have
                seed=self._plan.seed,
                folder=self._folder.training,
                progress=progress,
            )

    def _gather_validation(self, method: RunnableMethod, dataset: Dataset, fold: Fold) -> Pairs:
        """Copy what the harness scores while the method trains; the process of any other has no such images."""
        if not method.validates:
            return ()
        with self._bars.work() as progress:
            return gather_validation(dataset, fold.validation, folder=self._folder.training, progress=progress)

    def _train(self, method: RunnableMethod, data: EntitledData, validation: Pairs) -> None:
        """Train the method, and record what training cost.

        Raises:
            Interrupted: the user asked to stop; a checkpoint is in the folder.
        """
        costs: RunChanges = {}
        try:
            with self._phase("train") as parts, self._bars.training() as progress:
                clock = TrainingClock()
                run = self._training_context(progress, clock, harness_validates=method.validates)
                self._stop.listen(run.request_stop)
                try:
                    method.fit(data, run, HarnessOnly(validation, clock))
                finally:
                    parts.update(clock.parts)
                    costs = _training_costs(run, clock)
        finally:
            self._leaderboard.update(self._run_id, **costs)
        if run.interrupted:
            raise Interrupted("stopped while training; repeat the command to resume from its checkpoint")

    def _training_context(
        self, progress: Progress, clock: TrainingClock, *, harness_validates: bool
    ) -> TrainingContext:
        return TrainingContext(
            seed=self._plan.seed,
            budget=self._plan.training_budget,
            device=self._device,
            folder=self._folder.training,
            engine=self._engine,
            progress=progress,
            clock=clock,
            harness_validates=harness_validates,
        )

    def _validate(self, method: RunnableMethod, dataset: Dataset, participants: Sequence[str]) -> None:
        """Predict the validation participants with the final model; record how well: no part of seconds a volume."""
        with self._phase("validation"), self._bars.work() as progress:
            predict_participants(method, self._plan.method, participants, dataset, self._folder.validation)
            scorer = Scorer.of(self._settings, self._registry, progress, device=str(self._device))
            record_validation(self._leaderboard, self._run_id, scorer, dataset, participants, self._folder)

    def _record_costs(self, method: RunnableMethod, seconds_per_volume: float) -> None:
        on_cuda = self._device.type == "cuda"
        self._leaderboard.update(
            self._run_id,
            seconds_per_volume=seconds_per_volume,
            parameter_count=method.parameter_count(),
            peak_memory_bytes=_peak_memory_bytes(),
            peak_device_memory_bytes=torch.cuda.max_memory_allocated(self._device) if on_cuda else None,
        )


def open_planned(plan: RunPlan) -> tuple[Dataset, Fold]:
    """Open the dataset of a plan and make sure that it is still the one that was planned with.

    Raises:
        DataError: images or split have changed.
    """
    dataset = open_dataset(Path(plan.dataset_folder))
    if dataset.fingerprint != plan.fingerprint:
        raise DataError(f"{plan.dataset_folder}: the images have changed since the run was planned; repeat the command")
    split = load_split(dataset, plan.split)
    if split.digest != plan.split_digest:
        raise DataError(
            f"{plan.dataset_folder}: the split {plan.split} has changed since it was planned; repeat the command"
        )
    return dataset, split.folds[plan.fold]


def _training_costs(run: TrainingContext, clock: TrainingClock) -> RunChanges:
    """Return what training has cost so far. The rate is that of the steps after the first one of this part."""
    images = run.images_seen - run.images_at_start - clock.warm_up_images
    seconds = clock.seconds - clock.warm_up
    return {
        "images_seen": run.images_seen,
        "train_seconds": clock.total,
        "images_per_second": images / seconds if images and seconds > 0 else None,
    }


def _peak_memory_bytes() -> int:
    """Return the largest resident size that this process, or a process it started, has had."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak if sys.platform == "darwin" else peak * 1024
