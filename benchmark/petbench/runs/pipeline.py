"""The pipeline of a run, in the one order that it has: prepare, train, predict, score.

No code of a method runs in this process. It has the leaderboard, the dataset and the clock; a process of its own
(`petbench.runs.method_process`) trains and predicts, and another one (`petbench.runs.scoring`) scores the files.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import Interrupted, PluginError
from petbench.evaluation.extractors.columns import check_named_weights
from petbench.home import Home
from petbench.runs.example_images import save_real
from petbench.runs.isolation import method_sandbox
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.parent import MethodProcess
from petbench.runs.method_process.task import task_of
from petbench.runs.origin import record_code_that_ran, record_origin
from petbench.runs.phases import Phases
from petbench.runs.planned import open_planned
from petbench.runs.predict_fold import Written, write_predictions
from petbench.runs.scorer import record_scores
from petbench.runs.scoring.parent import ScoringProcess, scoring_tasks, with_further
from petbench.runs.time_to_target import record_history
from petbench.runs.training_costs import take_over, training_costs
from petbench.runs.validation import record_validation
from petbench.training.clock import TrainingClock
from petbench.training.scan_reading import label_names_of, read_scan
from petbench.training.volumes import store_training, store_validation
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from petbench.processes.sandbox import Sandbox
    from petbench.processes.stop import StopFlag
    from petbench.runs.folder import RunFolder
    from petbench.runs.job import Job
    from petbench.runs.progress import ProgressBars
    from petbench.runs.scoring.messages import ScoringTask
    from petbench.scan import Scan
    from petbench.training.volumes import StoredData
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard

UNSCORED = (
    "unscored: the organizer of the dataset has the test targets; hand over what petbench submit makes of this run"
)


class Pipeline:
    """One run; each phase is timed and recorded.

    Args:
        job: the run's row and folder, and the user's settings.
        folder: of the run, with the plan in it.
        leaderboard: where the row is.
        stop: whether the user asked to stop.
        bars: what shows progress.
    """

    def __init__(
        self, job: Job, folder: RunFolder, leaderboard: Leaderboard, stop: StopFlag, bars: ProgressBars
    ) -> None:
        self._job = job
        self._run_id = job.run_id
        self._folder = folder
        self._settings = job.settings
        self._leaderboard = leaderboard
        self._stop = stop
        self._bars = bars
        self._phase = Phases(leaderboard, job.run_id)
        self._plan = folder.plan()
        self._home = Home(job.settings.home)
        self._job_folder = JobFolder.of(self._home, folder)

    def run(self) -> str | None:
        """Run all phases and return what is to be said of the run; one that was stopped resumes where it was.

        Raises:
            Interrupted: the user asked to stop; a checkpoint is in the folder.
            MethodFailedError: the method failed, or its process died.
            ScoringFailedError: the predictions could not be scored.
        """
        before = Written.load(self._folder) if self._folder.is_trained else None
        written = before if before is not None and before.has(self._plan) else None
        with contextlib.ExitStack() as processes:
            with self._phase("prepare"):
                check_named_weights(self._settings.weights)
                # It imports what it needs while the dataset is opened here.
                method = None if written else processes.enter_context(self._method_process())
                dataset, fold = open_planned(self._plan)
                if method is not None:
                    needed = {*fold.test, *fold.validation} if self._plan.tests else {*fold.validation}
                    dataset.require_derivatives(needed - dataset.withheld)
                volumes = None if method is None else self._prepare(method, dataset, fold)
            if method is not None:
                if volumes is not None:
                    self._train(method, *volumes)
                    with self._phase("checkpoint"):
                        self._keep_model(method, dataset, fold)
                written = Written(validation=dict(before.validation) if before else {})
                if self._plan.tests:
                    with self._phase("predict"):
                        self._write(method, dataset, fold.test, written)
            assert written is not None, "it was there already, or has just been written"
            validated = bool(fold.validation) and not dataset.withheld & set(fold.validation)
            with self._phase("validation") if validated else contextlib.nullcontext():
                if method is not None and validated and not written.validation:
                    self._write(method, dataset, fold.validation, written, test=False)
                if method is not None:
                    self._end(method, written, processes)
                # Only now, when nothing of the method runs any more.
                scoring = [processes.enter_context(ScoringProcess(task, silent)) for task in self._tasks]
                if validated:
                    self._score_validation(scoring, written)
            record_history(self._leaderboard, self._run_id, self._folder)
            if not self._plan.tests:
                return None
            if dataset.withheld & set(fold.test):
                return UNSCORED
            with self._phase("score"):
                self._score(scoring, dataset, written)
                processes.close()
        return None

    @cached_property
    def _tasks(self) -> tuple[ScoringTask, ...]:
        device = self._leaderboard.run(self._run_id).device or "cpu"
        return scoring_tasks(self._settings, self._plan, self._job.metrics, device)

    @contextlib.contextmanager
    def _method_process(self) -> Iterator[MethodProcess]:
        """Within the block, the method's process is there; what it leaves then goes into the run's folder."""
        plan, job, sandbox = self._plan, self._job_folder, self._sandbox()
        self._leaderboard.update(self._run_id, isolation=sandbox.name)
        Written.forget(self._folder)
        job.prepare(self._folder.training)
        try:
            if self._folder.is_trained:
                job.lend_model(self._folder.model)
            task = task_of(
                plan,
                job.path,
                environments=self._home.environments,
                trained=self._folder.is_trained,
                largest_file_bytes=sandbox.limits.disk_bytes if sandbox.limits else None,
            )
            with MethodProcess(task, job, sandbox, lambda: self._stop.is_set) as process:
                yield process
        finally:
            job.give_back(self._folder.training)

    def _sandbox(self) -> Sandbox:
        return method_sandbox(
            self._job.python,
            self._job.environment,
            isolated=self._job.isolated,
            home=self._home.folder,
            hidden=(Path(self._plan.dataset_folder), self._home.jobs),
            visible=(self._home.environments, *map(Path, self._plan.parameter_files.values())),
        )

    def _prepare(
        self, method: MethodProcess, dataset: Dataset, fold: Fold
    ) -> tuple[StoredData, StoredData, bool] | None:
        """Return what the method trains with, and whether the harness's loop trains it; None where it has trained."""
        record_origin(self._leaderboard, self._run_id, method.ready(), self._job.modules)
        validates = method.built().validates
        if self._folder.is_trained:
            return None
        # Nothing that the process is handed leads to the dataset; only the harness's own loop has validation images.
        with self._bars.work() as progress:
            training = store_training(
                dataset,
                fold,
                self._plan.supervision,  # type: ignore[arg-type] # a method's plan has one that methods have
                self._plan.needs,
                seed=self._plan.seed,
                folder=self._folder.path,
                progress=progress,
            )
            who = fold.validation if validates else ()
            validation = store_validation(dataset, who, self._plan.needs, folder=self._folder.path, progress=progress)
        if pairs := validation.pairs():
            save_real(self._folder.example, *pairs[0])
        return training, validation, validates

    def _train(self, method: MethodProcess, training: StoredData, validation: StoredData, validates: bool) -> None:
        """Train the method, and record what training cost by the clock of this process.

        Raises:
            Interrupted: the user asked to stop; a checkpoint is in the folder.
        """
        costs: RunChanges = {}
        try:
            with self._phase("train") as parts, self._bars.training() as progress:
                method.progress = progress
                clock = TrainingClock()
                trained = method.fit(training, validation)
                take_over(clock, trained, validates=validates)
                parts.update(clock.parts)
                costs = training_costs(trained, clock)
                if trained.failed:
                    method.failed()
        finally:
            self._leaderboard.update(self._run_id, **costs)
        if trained.interrupted:
            if not self._stop.is_set:
                raise PluginError(
                    f"{self._plan.method} stopped before its budget was spent, and nobody had asked it to"
                )
            raise Interrupted("stopped while training; repeat the command to resume from its checkpoint")

    def _keep_model(self, method: MethodProcess, dataset: Dataset, fold: Fold) -> None:
        """Take the model once the method's process has read it back."""
        saved = method.saved()
        self._job_folder.take_model(self._folder.model)
        if "labels" in self._plan.needs:
            self._folder.save_label_names(label_names_of(dataset, fold.train))
        self._folder.save_grid(dataset.grid(fold.train[0]))
        self._leaderboard.update(self._run_id, parameter_count=saved.parameter_count)

    def _write(
        self, method: MethodProcess, dataset: Dataset, who: Sequence[str], written: Written, *, test: bool = True
    ) -> None:
        """Predict and write the test or the validation participants, and note their digests and seconds a volume.

        Samples are kept of the test participants alone.

        Raises:
            Interrupted: the user asked to stop.
        """

        def scans() -> Iterator[tuple[str, Scan]]:
            for participant in who:
                if self._stop.is_set:
                    raise Interrupted("stopped after its training; repeat the command to go on from there")
                yield participant, read_scan(dataset, participant, self._plan.needs)

        folder = self._folder.predictions if test else self._folder.validation
        into = written.predictions if test else written.validation
        predicted = method.predict(scans(), self._plan.keep_samples if test else 0)
        seconds = write_predictions(predicted, self._plan.method, dataset, folder, into, written.samples)
        if test or not self._plan.tests:
            self._leaderboard.update(self._run_id, seconds_per_volume=seconds)

    def _end(self, method: MethodProcess, written: Written, processes: contextlib.ExitStack) -> None:
        """End the method's process, and note what it used and what was written."""
        ran = method.end()
        processes.close()
        before = self._leaderboard.run(self._run_id)  # an earlier part of the run, which trained
        self._leaderboard.update(
            self._run_id,
            peak_memory_bytes=max(before.peak_memory_bytes or 0, peak_memory_bytes()),
            peak_device_memory_bytes=_larger(before.peak_device_memory_bytes, method.peak_device_memory_bytes),
        )
        record_code_that_ran(self._leaderboard, self._run_id, ran)
        written.save(self._folder)

    def _score_validation(self, scoring: Sequence[ScoringProcess], written: Written) -> None:
        """Record how well the final model predicts the validation participants."""
        errors: list[dict[str, float]] = []
        records: list[ScoreRecord] = []
        with self._bars.work() as progress:
            for each in scoring:
                each.progress = progress
                found, of_each = each.score_validation(self._folder.validation, written.validation)
                records, errors = with_further(records, found), errors or of_each
        record_validation(self._leaderboard, self._run_id, records, errors, self._folder)

    def _score(self, scoring: Sequence[ScoringProcess], dataset: Dataset, written: Written) -> None:
        """Score the test participants and record that."""
        records: list[ScoreRecord] = []
        with self._bars.work() as progress:
            for each in scoring:
                each.progress = progress
                records = with_further(records, each.score(self._folder.predictions, written.of_test))
        record_scores(self._leaderboard, self._run_id, dataset, records)


def _larger(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def peak_memory_bytes() -> int:
    """Return the largest resident size that a process which this one started, or one of its own, has had."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
