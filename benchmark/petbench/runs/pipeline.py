"""The stages of a run, in the one order they have: prepare, train, predict, score."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import torch

from petbench.engine_settings import EngineSettings
from petbench.errors import DataError, Interrupted, PluginError
from petbench.evaluation.extractors.weights import check_named_weights
from petbench.evaluation.scoring import score_predictions
from petbench.methods import models
from petbench.methods.program.method import ProgramMethod
from petbench.provenance import checkout, machine
from petbench.registry import load_plugins
from petbench.terminal import progress_bar, training_bar
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench.training.volumes import TrainingVolumes, gather_volumes
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Method, Volume
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.processes.stop import StopFlag
    from petbench.runs.folder import RunFolder
    from petbench.runs.phases import Phases
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunChanges
    from petbench_leaderboard.store import Leaderboard

UNSCORED = (
    "unscored: the organizer of the dataset has the test targets; hand over what petbench submit makes of this run"
)


class WeightsOptions(TypedDict):
    """Keyword arguments of scoring that come from the environment."""

    weights: Path | None
    offline: bool


def carry_out(
    plan: RunPlan,
    run_id: int,
    folder: RunFolder,
    home: Home,
    leaderboard: Leaderboard,
    phase: Phases,
    stop: StopFlag,
) -> None:
    """Carry out a run and record what it found.

    Args:
        plan: what to run.
        run_id: its row.
        folder: its folder.
        home: where the cache is.
        leaderboard: where the row is.
        phase: times a phase by its name.
        stop: whether the user asked to stop.

    Raises:
        Interrupted: the user asked to stop; a checkpoint is in the folder.
    """
    device = models.choose_device(plan.device)
    with phase("prepare"):
        check_named_weights()
        dataset, fold = open_planned(plan)
        if plan.deterministic:
            torch.use_deterministic_algorithms(mode=True)
        seed_everything(plan.seed, "method")  # for methods that draw with the global generators
        method = models.build(plan)
        models.move(method, device)
        engine = _engine_of(plan)
        compiled = engine.compiles(device.type, plan.budget.images)
        _, plugin = load_plugins().method(plan.method)  # a program's own type is petbench's, its code the plugin's
        modules = (plugin.module.partition(":")[0], type(method).__module__)
        sources = checkout.find_checkouts(*(module.partition(".")[0] for module in modules))
        facts = machine.machine() | {"source": checkout.describe(sources)}
        facts |= machine.device_facts(str(device)) | {"engine": engine.to_json() | {"compiled": compiled}}
        leaderboard.update(run_id, device=str(device), machine=facts)
        leaderboard.record_source_diff(run_id, checkout.read_diff(sources))
        # The run may have been stopped after training, while it predicted or scored.
        trained = folder.is_trained
        if trained:
            method.load_state_dict(torch.load(folder.model, map_location=device, weights_only=True))
        else:
            data = _gather(plan, dataset, fold, folder)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    if not trained:
        _train(method, data, plan, run_id, folder, device, leaderboard, phase, stop)
        folder.save_grid(dataset.grid(fold.train[0]))
    with phase("predict"):
        seconds = _predict(method, plan, fold, dataset, folder)
    leaderboard.update(
        run_id,
        seconds_per_volume=seconds,
        parameter_count=models.parameter_count(method),
        peak_memory_bytes=_peak_memory_bytes(),
        peak_device_memory_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
    )
    if dataset.withheld & set(fold.test):
        leaderboard.update(run_id, error_message=UNSCORED)
        return
    with phase("score"), progress_bar() as progress:
        score(dataset, fold.test, folder, run_id, home, leaderboard, progress, device=str(device))


def score(
    dataset: Dataset,
    participants: tuple[str, ...],
    folder: RunFolder,
    run_id: int,
    home: Home,
    leaderboard: Leaderboard,
    progress: Progress,
    *,
    device: str = "cpu",
) -> None:
    """Score the prediction files of a run and store the scores; no model is looked at."""
    records = score_predictions(
        dataset,
        participants,
        folder.predictions,
        progress=progress,
        cache=home.cache,
        metrics=load_plugins().metrics(),
        device=device,
        **weights_options(),
    )
    leaderboard.record_scores(run_id, records)


def weights_options() -> WeightsOptions:
    """Return what the user says of the Inception weights: a file, and whether they may be downloaded."""
    given = os.environ.get("PETBENCH_FID_WEIGHTS")
    return {"weights": Path(given) if given else None, "offline": os.environ.get("PETBENCH_OFFLINE") == "1"}


def open_planned(plan: RunPlan) -> tuple[Dataset, Fold]:
    """Open the dataset of a plan and make sure that it is still the one that was planned with."""
    dataset = open_dataset(Path(plan.dataset_folder))
    if dataset.fingerprint != plan.fingerprint:
        raise DataError(f"{plan.dataset_folder}: the images have changed since the run was planned; repeat the command")
    split = load_split(dataset, plan.split)
    if split.digest != plan.split_digest:
        raise DataError(
            f"{plan.dataset_folder}: the split {plan.split} has changed since it was planned; repeat the command"
        )
    return dataset, split.folds[plan.fold]


def _gather(plan: RunPlan, dataset: Dataset, fold: Fold, folder: RunFolder) -> TrainingVolumes:
    """Copy what the method may learn from; nothing that it is handed afterwards leads to the dataset."""
    folder.training.mkdir(exist_ok=True)
    with progress_bar() as progress:
        return gather_volumes(
            dataset,
            fold,
            plan.supervision,  # type: ignore[arg-type]
            seed=plan.seed,
            folder=folder.training,
            progress=progress,
        )


def _train(
    method: Method,
    data: TrainingVolumes,
    plan: RunPlan,
    run_id: int,
    folder: RunFolder,
    device: torch.device,
    leaderboard: Leaderboard,
    phase: Phases,
    stop: StopFlag,
) -> None:
    """Train the method, keep its model, and note what training cost."""
    engine = _engine_of(plan)
    with training_bar() as show:
        run = TrainingContext(
            seed=plan.seed, budget=plan.budget, device=device, folder=folder.training, engine=engine, progress=show
        )
        stop.listen(run.request_stop)
        try:
            with phase("train") as parts:
                method.fit(data, run)
                if run.warm_up_seconds:
                    parts["warm-up"] = run.warm_up_seconds
        finally:
            leaderboard.update(run_id, **_training_costs(run))
    if run.interrupted:
        raise Interrupted("stopped while training; repeat the command to go on from its checkpoint")
    models.save(method, folder.model)


def _engine_of(plan: RunPlan) -> EngineSettings:
    """Return how the engine is to run."""
    return EngineSettings(precision=plan.precision, compile=plan.compile, deterministic=plan.deterministic)


def _predict(method: Method, plan: RunPlan, fold: Fold, dataset: Dataset, folder: RunFolder) -> float:
    """Write the prediction of every test participant and return the mean seconds that one took."""
    spent = 0.0
    draw = _draw_all(method, fold, dataset) if isinstance(method, ProgramMethod) else _draw_each(method, fold, dataset)
    for participant, drawn, seconds in draw:
        spent += seconds
        grid = dataset.grid(participant)
        if drawn.shape != grid.shape:
            raise PluginError(f"{plan.method} drew {drawn.shape} voxels for {participant}, not {grid.shape}")
        if not np.isfinite(drawn).all():
            raise PluginError(f"{plan.method} drew NaN or infinite voxels for {participant}; nothing was scored")
        write_image(folder.prediction(participant), drawn.astype(np.float32), grid)
    return spent / len(fold.test)


def _draw_each(method: Method, fold: Fold, dataset: Dataset) -> Iterator[tuple[str, Volume, float]]:
    """Yield each test participant with what was drawn and the seconds that it took."""
    for participant in fold.test:
        given = dataset.early(participant)[0].copy()
        start = time.perf_counter()
        drawn = np.asarray(method.predict(given))
        yield participant, drawn, time.perf_counter() - start


def _draw_all(method: ProgramMethod, fold: Fold, dataset: Dataset) -> Iterator[tuple[str, Volume, float]]:
    """Yield what a program drew of all test participants in one go; its start and its files are part of its time."""
    start = time.perf_counter()
    for participant, drawn in zip(
        fold.test, method.predict_all(dataset.early(participant)[0] for participant in fold.test), strict=True
    ):
        yield participant, drawn, time.perf_counter() - start
        start = time.perf_counter()


def _training_costs(run: TrainingContext) -> RunChanges:
    """Return what training has cost so far. The rate leaves out data, compilation and first kernels."""
    images = run.images_seen - run.images_at_start
    seconds = run.seconds_spent - run.seconds_before - run.warm_up_seconds
    return {
        "images_seen": run.images_seen,
        "train_seconds": run.seconds_spent,
        "images_per_second": images / seconds if images and seconds > 0 else None,
    }


def _peak_memory_bytes() -> int:
    """Return the largest resident size that this process, or a process it started, has had."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak if sys.platform == "darwin" else peak * 1024
