"""The program that petbench starts in a method's own environment: `python -m petbench.methods.program.runner JOB`.

It builds the method from its spec and calls the four verbs, with the loop, checkpoints and budget of any other run.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.errors import Diverged, PluginError
from petbench.methods.build import build_in_process
from petbench.methods.devices import choose_device
from petbench.methods.program.protocol import JOB_NAME, STATUS_NAME, ClockReading, Job, Status
from petbench.methods.program.validation_input import take_standard_input
from petbench.methods.scan_files import read_scan_files
from petbench.processes.ending import ending_of
from petbench.processes.stop import StopFlag
from petbench.registry import load_plugins
from petbench.training.clock import TrainingClock
from petbench.training.context import TrainingContext
from petbench.training.entitled_data import EntitledData
from petbench.training.randomness import seed_everything
from petbench.training.runnable_method import HarnessOnly
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from petbench.contract import Volume
    from petbench.training.runnable_method import RunnableMethod

MODEL_NAME = "model/state.pt"


def main(folder: Path) -> int:
    """Run the job in `folder` and return the exit code."""
    stop = StopFlag()
    try:
        job = Job.model_validate_json((folder / JOB_NAME).read_bytes())
        status = _fit(job, folder, stop) if job.stage == "fit" else _predict(job, folder)
    except BaseException as error:  # whatever a method does, the status says how it ended
        import traceback

        traceback.print_exc()
        status = _failure(error)
    write_text(folder / STATUS_NAME, status.model_dump_json() + "\n")
    return 0


def job_data(job: Job, folder: Path) -> EntitledData:
    """Return what a method may learn from, over the files of a job."""

    def read(name: str) -> Callable[[], Volume]:
        # Mapped: pages are read when they are looked at, and copied when they are written to.
        return functools.partial(np.load, folder / name, mmap_mode="c", allow_pickle=False)

    return EntitledData(
        job.supervision,
        [functools.partial(read_scan_files, folder, files, mapped=True) for files in job.scans],
        [read(name) for name in job.delayed],
    )


def _build(job: Job) -> tuple[RunnableMethod, torch.device]:
    spec, _ = load_plugins().method(job.method)
    device = choose_device(job.device)
    seed_everything(job.seed, "weights")
    method = build_in_process(spec, dict(job.parameters))
    method.to(device)
    return method, device


def _fit(job: Job, folder: Path, stop: StopFlag) -> Status:
    pairs = take_standard_input(folder / "work")
    method, device = _build(job)
    clock = TrainingClock()
    run = TrainingContext(
        seed=job.seed,
        budget=Budget(images=job.images, seconds=job.seconds),
        device=device,
        folder=folder / "work",
        engine=EngineSettings(precision=job.precision),
        clock=clock,
        harness_validates=method.validates,
    )
    stop.listen(run.request_stop)
    method.fit(job_data(job, folder), run, HarnessOnly(pairs if method.validates else (), clock))
    counted: dict[str, Any] = {"images_seen": run.images_seen, "images_at_start": run.images_at_start}
    counted["clock"] = ClockReading(
        before=clock.before,
        wall_before=clock.wall_before,
        steps=max(0.0, clock.seconds - clock.warm_up),
        stood_still=clock.stood_still,
        warm_up_images=clock.warm_up_images,
    )
    if run.interrupted:
        return Status(state="interrupted", **counted)
    torch.save(dict(method.state_dict()), folder / MODEL_NAME)
    return Status(state="ok", parameter_count=method.parameter_count(), **counted)


def _predict(job: Job, folder: Path) -> Status:
    method, device = _build(job)
    method.load_state_dict(torch.load(folder / MODEL_NAME, map_location=device, weights_only=True))
    for participant in job.participants:
        scan = read_scan_files(folder, participant.scan)
        shape = scan.early.shape
        predicted = np.asarray(method.predict(scan))
        if predicted.shape != shape:
            raise PluginError(f"{job.method} predicted {predicted.shape} voxels, not {shape}")
        np.save(folder / participant.delayed, predicted.astype("<f4"), allow_pickle=False)
    return Status(state="ok")


def _failure(error: BaseException) -> Status:
    ending = ending_of(error, "method")
    state: Any = "diverged" if isinstance(error, Diverged) else ending["status"]
    return Status(state=state, message=str(ending.get("error_message") or "")[:2000])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
