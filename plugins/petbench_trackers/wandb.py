"""Weights & Biases: one run, kept in files on this machine unless the user's own settings send it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # before wandb is imported: nothing leaves unasked

import wandb

from petbench import ExampleImages, RunEnded, RunStarted
from petbench_trackers import values

if TYPE_CHECKING:
    from pathlib import Path

    from petbench import RunEvent, RunFacts

PROJECT = "petbench"
MODE = "offline"
AXIS = "images"


class WeightsAndBiases:
    """Writes the events of one run; the parts of one that resumes have one name there, and `wandb sync` joins them.

    Args:
        folder: of the files, where WANDB_DIR names none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._step = 0

    def __call__(self, event: RunEvent) -> None:
        """Write what an event says."""
        if isinstance(event, RunStarted):
            self._start(event.run)
            return
        self._step = values.step(event, self._step)
        found = values.numbers(event)
        if isinstance(event, RunEnded):
            self._run.summary.update({**found, "status": event.status, "message": event.message})
            self._run.finish(exit_code=0 if event.status == "ok" else 1)
        elif isinstance(event, ExampleImages):
            self._run.log({values.EXAMPLE: wandb.Image(event.picture()), AXIS: self._step})
        else:
            self._run.log({**found, AXIS: self._step})

    def _start(self, run: RunFacts) -> None:
        mode = os.environ.get("WANDB_MODE", MODE)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            dir=os.environ.get("WANDB_DIR", str(self._folder)),
            mode=mode,  # type: ignore[arg-type] # wandb itself refuses what it has not
            id=run.uid,
            name=run.name,
            resume=None if mode == MODE else "allow",
            config={"parameters": dict(run.parameters), **values.facts(run)},
            settings=wandb.Settings(
                console="off",
                silent=True,
                disable_code=True,
                disable_git=True,
                host=os.environ.get("WANDB_HOST", ""),
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )
        self._run.define_metric("*", step_metric=AXIS)
