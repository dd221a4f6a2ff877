"""The folder of a run: every path in it, and its name. `petbench.runs.lookup` says which folder is a run's."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import DataError
from petbench.plans.run_plan import RunPlan
from petbench.training.training_log import LOG_NAME
from petbench_datasets.files import write_text
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.home import Home
    from petbench_leaderboard.records import RunRecord
    from petbench_leaderboard.store import Leaderboard

_NAME = re.compile(r"[\w.-]+")


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
        """Return the folder of a run by its method and its uid.

        Raises:
            DataError: they make no name of a folder, as only a row that was not made here can.
        """
        name = f"{method}-{uid}"
        if not _NAME.fullmatch(name):
            raise DataError(f"{name[:200]!r} is no name of a run's folder; the row was not made by petbench")
        return cls(home.runs / name)

    @property
    def plan_file(self) -> Path:
        """What is run, as JSON."""
        return self.path / "plan.json"

    @property
    def maker_file(self) -> Path:
        """Which leaderboard made the run, as text: another may hold the row too, such as a copy of that one."""
        return self.path / "leaderboard.txt"

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
    def example(self) -> Path:
        """Early and delayed slice of one validation participant, beside which predicted ones are shown."""
        return self.path / "example.npy"

    @property
    def observers_log(self) -> Path:
        """What observers of the run print."""
        return self.path / "observers.log"

    @property
    def told_file(self) -> Path:
        """Which lines of the training's log observers have been told of."""
        return self.path / "observers-told"

    @property
    def model(self) -> Path:
        """The trained weights."""
        return self.path / "model.pt"

    @property
    def grid_file(self) -> Path:
        """The grid that the model was trained on, as JSON."""
        return self.path / "grid.json"

    @property
    def labels_file(self) -> Path:
        """What the labels mean that the model was trained with, as JSON; only where it needs labels."""
        return self.path / "labels.json"

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
    def job_file(self) -> Path:
        """Which job of an engine makes the run, as JSON; see `petbench.runs.job_note`."""
        return self.path / "engine-job.json"

    @property
    def order_file(self) -> Path:
        """What the node that makes the run is to know beside the plan, as JSON."""
        return self.path / "order.json"

    @property
    def row_file(self) -> Path:
        """The row of a run that a node makes or has made, with its scores, as a line of a file of runs."""
        return self.path / "row.jsonl"

    @property
    def tries_file(self) -> Path:
        """Where the run was begun or went on, one line of JSON each time."""
        return self.path / "tries.jsonl"

    @property
    def cancelled_file(self) -> Path:
        """A mark: what stops the run now is to stop it for good."""
        return self.path / "cancelled"

    @property
    def node_log(self) -> Path:
        """What the run's program prints on the node."""
        return self.path / "node.log"

    @property
    def is_trained(self) -> bool:
        """Whether training has ended: what is written last is there."""
        return self.model.exists() and self.grid_file.exists()

    @property
    def has_begun(self) -> bool:
        """Whether there is a checkpoint of a training to go on from."""
        return any(self.training.glob("checkpoints/*.checkpoint"))

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

    def label_names(self) -> dict[int, str]:
        """Read what the labels mean that the model was trained with; nothing where it needs none."""
        if not self.labels_file.exists():
            return {}
        return {int(number): name for number, name in json.loads(self.labels_file.read_text(encoding="utf-8")).items()}

    def save_label_names(self, names: Mapping[int, str]) -> None:
        """Keep what the labels mean that the model was trained with."""
        write_text(self.labels_file, json.dumps(dict(names)) + "\n")

    def delete(self) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def plan_run(
    plan: RunPlan, record: RunRecord, home: Home, leaderboard: Leaderboard, *, alone: bool = False
) -> tuple[int, RunFolder]:
    """Make the folder of a run, with the plan in it, and then its row; return the row's number and the folder.

    A kill in between leaves a folder of no row, and never a row without its folder.

    Args:
        plan: what is run.
        record: the plan's, or a copy with another verification.
        home: where the folder is made.
        leaderboard: where the row is kept.
        alone: whether the same run may not be under way.

    Raises:
        UnderWayError: it is, and alone was asked for.
    """
    uid = uuid.uuid4().hex
    folder = RunFolder.of(home, plan.method, uid)
    try:
        plan.save(folder.plan_file)
        write_text(folder.maker_file, f"{leaderboard.place}\n")
        run_id = leaderboard.plan(dataclasses.replace(record, log_path=folder.log_path(home)), uid, alone=alone)
    except BaseException:
        folder.delete()
        raise
    return run_id, folder
