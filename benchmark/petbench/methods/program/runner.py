"""The program that petbench starts in a method's own environment: `python -m petbench.methods.program.runner JOB`.

It builds the method from its spec and calls the four verbs, with the same loop, checkpoints and budget as at home.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.contract import Budget
from petbench.engine_settings import EngineSettings
from petbench.errors import Diverged, PetbenchError, PluginError
from petbench.methods import models
from petbench.methods.building import build_in_this_process
from petbench.methods.program.protocol import JOB_NAME, STATUS_NAME, Job, Status
from petbench.processes.ending import ending_of
from petbench.processes.stop import StopFlag
from petbench.registry import load_plugins
from petbench.training.context import TrainingContext
from petbench.training.randomness import seed_everything
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Method, Volume

MODEL_NAME = "model/state.pt"


class JobData:
    """Implements `petbench.contract.TrainingData` over the files of a job."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.supervision = job.supervision
        self._job = job
        self._folder = folder

    def early(self) -> Sequence[Volume]:
        """Return the early volumes of the training participants."""
        return [self._read(name) for name in self._job.early]

    def delayed(self) -> Sequence[Volume]:
        """Return the delayed volumes of the training participants; unpaired: in an independent order."""
        if self.supervision == "none":
            raise PetbenchError("this method's supervision is `none`: it gets no delayed volume; declare `unpaired`")
        return [self._read(name) for name in self._job.delayed]

    def pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each training participant."""
        if self.supervision != "paired":
            raise PetbenchError(
                f"this method's supervision is `{self.supervision}`: it gets no pairs; declare `paired`"
            )
        return list(zip(self.early(), self.delayed(), strict=True))

    def validation_pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each validation participant."""
        return [
            (self._read(participant.early), self._read(participant.delayed)) for participant in self._job.validation
        ]

    def _read(self, name: str) -> Volume:
        """Map a volume: its pages are read when they are looked at, and copied when they are written to."""
        volume: Volume = np.load(self._folder / name, mmap_mode="c", allow_pickle=False)
        return volume


def main(folder: Path) -> int:
    """Carry out the job in `folder` and return the exit code."""
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


def _build(job: Job) -> tuple[Method, torch.device]:
    spec, _ = load_plugins().method(job.method)
    device = models.choose_device(job.device)
    seed_everything(job.seed, "method")
    method = build_in_this_process(spec, job.parameters)
    models.move(method, device)
    return method, device


def _fit(job: Job, folder: Path, stop: StopFlag) -> Status:
    method, device = _build(job)
    run = TrainingContext(
        seed=job.seed,
        budget=Budget(images=job.images, seconds=job.seconds),
        device=device,
        folder=folder / "work",
        engine=EngineSettings(precision=job.precision),
    )
    stop.listen(run.request_stop)
    method.fit(JobData(job, folder), run)
    counted: dict[str, Any] = {"images_seen": run.images_seen, "images_at_start": run.images_at_start}
    if run.interrupted:
        return Status(state="interrupted", **counted)
    torch.save(dict(method.state_dict()), folder / MODEL_NAME)
    return Status(state="ok", parameter_count=models.parameter_count(method), **counted)


def _predict(job: Job, folder: Path) -> Status:
    method, device = _build(job)
    method.load_state_dict(torch.load(folder / MODEL_NAME, map_location=device, weights_only=True))
    for participant in job.participants:
        early = np.load(folder / participant.early, allow_pickle=False)
        drawn = np.asarray(method.predict(early))
        if drawn.shape != early.shape:
            raise PluginError(f"{job.method} drew {drawn.shape} voxels, not {early.shape}")
        np.save(folder / participant.delayed, drawn.astype("<f4"), allow_pickle=False)
    return Status(state="ok")


def _failure(error: BaseException) -> Status:
    ending = ending_of(error)
    state: Any = "diverged" if isinstance(error, Diverged) else ending["status"]
    return Status(state=state, message=str(ending.get("error_message") or "")[:2000])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
