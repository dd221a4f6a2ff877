"""Take over the model of a run with the same training, so that views of it are predicted without another training."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from petbench.runs.lookup import find_folder_or_none, is_made_here
from petbench.training.training_log import TrainingLog, read_events

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.store import Leaderboard

_AS_IT_TRAINED = ("device", "compile", "cuda_graphs", "deterministic", "processes")
"""Of a plan: no part of its identity, and how the training was run."""


@dataclasses.dataclass(frozen=True, slots=True)
class SameTraining:
    """A run of this leaderboard that differs from a plan in its views alone, and has trained.

    Attributes:
        row: of the run.
        folder: of it.
    """

    row: RunRow
    folder: RunFolder

    def plan(self, plan: RunPlan) -> RunPlan:
        """Return a plan that says how its training was run."""
        trained = self.folder.plan()
        return dataclasses.replace(plan, **{name: getattr(trained, name) for name in _AS_IT_TRAINED})

    def costs(self) -> RunChanges:
        """Return what its training cost, and the search for its settings: who predicts with its model has spent it."""
        row = self.row
        return {
            "images_seen": row.images_seen,
            "train_seconds": row.train_seconds,
            "images_per_second": row.images_per_second,
            "parameter_count": row.parameter_count,
            "peak_memory_bytes": row.peak_memory_bytes,
            "peak_device_memory_bytes": row.peak_device_memory_bytes,
            "tuning": row.tuning,
        }

    def copy_into(self, folder: RunFolder) -> None:
        """Copy model, log and what else a training leaves; the log without how its final model did, which views change.

        What says that the training has ended comes last.
        """
        log = TrainingLog(folder.training)
        for line in read_events(self.folder.losses):
            if line["event"] != "validated":
                log.append(line["event"], {name: value for name, value in line.items() if name != "event"})
        for name in ("example", "labels_file", "model", "grid_file"):
            source = getattr(self.folder, name)
            if source.exists():
                shutil.copyfile(source, getattr(folder, name))


def find_same_training(plan: RunPlan, home: Home, leaderboard: Leaderboard) -> SameTraining | None:
    """Return a run whose model a plan may take over: made here, trained, and not under way."""
    for identity in plan.identities_of_its_training:
        for row in leaderboard.find(identity, plan.task_definition, verification="own"):
            folder = find_folder_or_none(row, home) if is_made_here(row) else None
            if folder is not None and folder.is_trained and row.status not in ("planned", "running"):
                return SameTraining(row, folder)
    return None
