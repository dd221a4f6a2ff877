"""The folder of a run: every path in it, its name, and how it is found."""

from __future__ import annotations

import dataclasses
import json
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import UsageError
from petbench.plans.run_plan import RunPlan
from petbench.training.training_log import LOG_NAME
from petbench_datasets.files import write_text
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.home import Home
    from petbench_leaderboard.records import RunRecord, RunRow
    from petbench_leaderboard.store import Leaderboard


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder.

    Its name bears the run's uid, so that leaderboards that share a home share no folder.

    Attributes:
        path: of the folder, whether it is there yet or not.
    """

    path: Path

    @classmethod
    def of(cls, home: Home, method: str, uid: str) -> RunFolder:
        """Return the folder of a run by its method and its uid."""
        return cls(home.runs / f"{method}-{uid}")

    @property
    def plan_file(self) -> Path:
        """What is run, as JSON."""
        return self.path / "plan.json"

    @property
    def log(self) -> Path:
        """What the run's process says, tracebacks included."""
        return self.path / "run.log"

    @property
    def training(self) -> Path:
        """The method's own folder: its checkpoints, its losses, and whatever it writes."""
        return self.path / "training"

    @property
    def losses(self) -> Path:
        """The events of the training, one JSON object a line."""
        return self.training / LOG_NAME

    @property
    def model(self) -> Path:
        """The trained weights."""
        return self.path / "model.pt"

    @property
    def grid_file(self) -> Path:
        """The grid that the model was trained on, as JSON."""
        return self.path / "grid.json"

    @property
    def predictions(self) -> Path:
        """The folder of the predictions."""
        return self.path / "predictions"

    @property
    def validation(self) -> Path:
        """The folder of the predictions of the validation participants, which choose between runs and rank nobody."""
        return self.path / "validation"

    @property
    def lock(self) -> Path:
        """The lock that the run's process holds."""
        return self.path / "worker.lock"

    @property
    def is_trained(self) -> bool:
        """Whether training has ended: what is written last is there."""
        return self.model.exists() and self.grid_file.exists()

    def prediction(self, participant: str) -> Path:
        """Return the prediction of a participant, in SUV."""
        return self.predictions / f"{participant}.nii.gz"

    def log_path(self, home: Home) -> str:
        """Return where the log is, relative to the home, as a row names it."""
        return self.log.relative_to(home.folder).as_posix()

    def plan(self) -> RunPlan:
        """Read the plan."""
        return RunPlan.load(self.plan_file)

    def grid(self) -> Grid:
        """Read the grid that the model was trained on."""
        facts = json.loads(self.grid_file.read_text(encoding="utf-8"))
        return Grid(tuple(facts["shape"]), np.asarray(facts["affine"], dtype=np.float64))

    def save_grid(self, grid: Grid) -> None:
        """Keep the grid that the model was trained on."""
        write_text(self.grid_file, json.dumps({"shape": grid.shape, "affine": grid.affine.tolist()}) + "\n")

    def delete(self) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def plan_run(plan: RunPlan, record: RunRecord, home: Home, leaderboard: Leaderboard) -> tuple[int, RunFolder]:
    """Make the row of a run and then its folder, with the plan in it; return the row's number and the folder.

    Args:
        plan: what is run.
        record: the plan's, or a copy with another verification.
        home: where the folder is made.
        leaderboard: where the row is kept.
    """
    uid = uuid.uuid4().hex
    folder = RunFolder.of(home, plan.method, uid)
    run_id = leaderboard.plan(dataclasses.replace(record, log_path=folder.log_path(home)), uid)
    plan.save(folder.plan_file)
    return run_id, folder


def folder_of(row: RunRow, home: Home) -> RunFolder:
    """Return the folder that a row has or would have here."""
    return RunFolder.of(home, row.method, row.uid)


def find_folder(row: RunRow, home: Home) -> RunFolder:
    """Return the folder of a run that is here.

    Raises:
        UsageError: it is not.
    """
    folder = folder_of(row, home)
    if not folder.plan_file.is_file():
        raise UsageError(
            f"the folder of run {row.id} is not under {home.runs}; the run was made elsewhere or deleted: run the "
            "method again with --force to have it here"
        )
    return folder


def is_made_here(row: RunRow) -> bool:
    """Return whether the leaderboard made the run itself, and so owns its folder: a merged row names no log."""
    return row.log_path is not None
