"""The processes that share a run's training: one that fails ends all with one line, and none is left behind."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
import torch
from tests.benchmark.installed import install_module

from petbench.methods.code_files import Unit
from petbench.processes.sandbox import why_not_isolated
from petbench.runs.isolation import method_sandbox
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.messages import Task
from petbench.runs.method_process.parent import MethodFailedError, MethodProcess
from petbench.scan import Scan
from petbench.training.volumes import StoredData

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

SHAPE = (6, 16, 16)
PLUGIN = """
    import os, signal, threading
    import torch
    from torch import nn
    from petbench import MethodSpec, StepMethod, StepParameters, hookimpl

    class Sharing(StepMethod):
        splittable = True
        steps = 0
        def __init__(self, parameters):
            super().__init__(parameters)
            self.network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.GELU(), nn.Conv2d(4, 1, 3, padding=1))
        def training_step(self, batch):
            self.steps += 1
            leads = torch.distributed.get_rank() == 0
            STEP
            return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}
        def validate(self, batch):
            VALIDATE
            return {"zero": batch.early.mean() * 0}
        def translate(self, scans):
            return scans.early + self.network(scans.early)
    OTHERWISE

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="sharing", summary="shared", build=Sharing, parameters=StepParameters)]
"""
SETTINGS = {"batch_size": 4, "shift_voxels": 0, "validations": 2, "suv_clip": 10.0, "images": 64}


@dataclass
class Shared:
    """A run whose training two processes share.

    Attributes:
        folder: of everything.
        step, validate, otherwise: lines of code in the places of these names.
        isolated: whether its processes are shut in.
    """

    folder: Path
    step: str = "pass"
    validate: str = "pass"
    otherwise: str = ""
    isolated: bool = False

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def job(self) -> JobFolder:
        return JobFolder(self.folder / "job")

    def train(self, stopping: Callable[[], bool] = lambda: False) -> Any:
        """Train, and return what became of it: `Trained`, or the run's ending."""
        source = PLUGIN.replace("STEP\n", f"{self.step}\n").replace("VALIDATE", self.validate)
        variables = install_module(self.site, "sharing", source.replace("OTHERWISE", self.otherwise))
        self.job.prepare(self.folder / "training")
        sandbox = method_sandbox(
            sys.executable,
            os.environ | {"PYTHONPATH": os.pathsep.join([variables["PYTHONPATH"], os.environ.get("PYTHONPATH", "")])},
            isolated=self.isolated, home=self.folder / "home", hidden=(), visible=(),
        )  # fmt: skip
        with MethodProcess(self._task(), self.job, sandbox, stopping) as process:
            try:
                process.ready()
                process.built()
                trained = process.fit(self._volumes(1.0), self._volumes(2.0))
                if trained.failed:
                    process.failed()
                if not trained.interrupted:
                    process.saved()
                    process.end()
            except MethodFailedError as error:
                return error.ending
        return trained

    def _task(self) -> Task:
        code = Unit("sharing", (self.site / "sharing.py",)).hashes()
        return Task(
            method="sharing", parameters=dict(SETTINGS), parameter_files={}, distribution="sharing", version="1.0",
            source_hash=Unit.digest(code), source_files=dict(code), supervision="paired", seed=0, images=64,
            seconds=None, device="cpu", precision="fp32", compile="off", cuda_graphs="off", deterministic=False,
            folder=str(self.job.path), environments=str(self.folder / "venvs"), views=1, trained=False,
            largest_file_bytes=None, processes=2,
        )  # fmt: skip

    def workers(self) -> list[psutil.Process]:
        """Return the processes that work in the job's folder."""
        return [process for process in psutil.process_iter() if _folder_of(process) == str(self.job.path)]

    def _volumes(self, factor: float) -> StoredData:
        stored = StoredData.new(self.folder)
        early = np.random.default_rng(0).random(SHAPE, dtype=np.float32) * factor
        stored.scans.append(Scan(early))
        stored.delayed.append(early**2)
        return stored

    def left(self) -> list[psutil.Process]:
        """Return the processes that still work in the job's folder, those that are ending not counted."""
        return psutil.wait_procs(self.workers(), timeout=10)[1]


def _folder_of(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def test_a_shared_training_ends_well_and_its_model_is_read_back(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    trained = shared.train()
    assert (trained.images_seen, trained.failed, trained.interrupted) == (64, False, False)
    assert "network.0.weight" in torch.load(shared.job.model, weights_only=True)
    assert not (shared.job.training / "tensors").exists()
    assert shared.left() == []


@pytest.mark.skipif(why_not_isolated() is not None, reason=f"nothing can be isolated here: {why_not_isolated()}")
def test_processes_that_are_shut_in_share_a_training_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    trained = Shared(tmp_path, isolated=True).train()
    assert (trained.images_seen, trained.failed) == (64, False)


#: At the fifth step the leading process says so, and waits until whoever looks has asked it to stop.
WAITING = "while leads and self.steps == 5 and not os.path.exists('training/go'): open('training/here', 'w').close()"


def test_one_that_is_asked_to_stop_as_a_cluster_asks_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole, parts = Shared(tmp_path / "whole"), Shared(tmp_path / "parts", step=WAITING)
    for shared in (whole, parts):
        shared.site.mkdir(parents=True)
    asked = False

    def stopping() -> bool:
        nonlocal asked
        if asked:
            (parts.job.training / "go").touch()
        elif (parts.job.training / "here").exists():
            asked = True
            for worker in parts.workers():
                worker.terminate()  # which the run's process alone obeys
        return asked

    stopped = parts.train(stopping)
    assert (stopped.images_seen, stopped.interrupted) == (5 * 4, True)
    assert parts.left() == []
    shutil.rmtree(parts.site)
    assert parts.train().images_at_start == 5 * 4
    assert whole.train().images_at_start == 0
    one, other = (torch.load(shared.job.model, weights_only=True) for shared in (whole, parts))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


FAILURES = {
    "the other is killed": (
        "leads or self.steps < 5 or os.kill(os.getpid(), signal.SIGKILL)",
        "interrupted", "machine", "process 2 of 2: killed by signal 9; repeat the command to resume",
    ),
    "the leading one is killed": (
        "not leads or self.steps < 5 or os.kill(os.getpid(), signal.SIGKILL)",
        "interrupted", "machine", "killed by signal 9; repeat the command to resume",
    ),
    "the other fails": (
        "leads or self.steps < 5 or [][5]",
        "failed", "method", "process 2 of 2: IndexError: list index out of range (sharing.py:",
    ),
    "the other runs out of memory": (
        "leads or torch.empty(2**60)", "out-of-memory", "method", "process 2 of 2: ",
    ),
    "the other goes without a word": (
        "leads or os._exit(3)", "failed", "method", "process 2 of 2: the process ended with code 3 before it was done",
    ),
    "the other ends as if all were well": (
        "leads or self.steps < 5 or os._exit(0)", "failed", "method", "process 2 of 2: ended before the training did",
    ),
    "the other loses its numbers": (
        "if not leads: batch.delayed.fill_(float('nan'))", "diverged", "method", "the loss `model/l1` is nan",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "status", "fault", "message"), FAILURES.values(), ids=list(FAILURES))
def test_one_that_fails_ends_all_with_one_line(
    tmp_path: Path, step: str, status: str, fault: str, message: str
) -> None:
    shared = Shared(tmp_path, step=step)
    ending = shared.train()
    assert (ending["status"], ending["fault"]) == (status, fault), ending
    assert message in ending["error_message"]
    assert shared.left() == []


def test_the_leading_one_ends_though_it_waits_for_something_else_when_another_dies(tmp_path: Path) -> None:
    dying = "leads or threading.Timer(1, os.kill, (os.getpid(), signal.SIGKILL)).start()"
    shared = Shared(tmp_path, step=dying, validate="threading.Event().wait()")
    assert shared.train()["error_message"].startswith("process 2 of 2: killed by signal 9")
    assert shared.left() == []


WITH = """
    class Sharing(Sharing):
        def __init__(self, parameters):
            super().__init__(parameters)
            self.network.append(nn.LAYER)
"""
BY_ITSELF = """
    class Sharing:
        fit = predict = state_dict = load_state_dict = lambda *_: None
        def __init__(self, parameters):
            pass
"""
REFUSED = {
    "Sharing.splittable = False": "Sharing does not declare `splittable`",
    WITH.replace("LAYER", "BatchNorm2d(1)"): (
        "Sharing has batch norm, which several processes compute together on CUDA alone"
    ),
    WITH.replace("LAYER", "InstanceNorm2d(1, track_running_stats=True)"): (
        "Sharing has instance norm with running statistics"
    ),
    BY_ITSELF: "Sharing trains by itself: only the steps of a StepMethod can be shared",
}


@pytest.mark.parametrize(("otherwise", "reason"), REFUSED.items(), ids=["undeclared", "batch", "instance", "alone"])
def test_a_training_that_cannot_be_shared_is_refused_before_it_begins(
    tmp_path: Path, otherwise: str, reason: str
) -> None:
    shared = Shared(tmp_path, otherwise=otherwise)
    ending = shared.train()
    assert ending["status"] == "interrupted"  # nothing that the method did
    assert f"2 processes cannot share this training: {reason}" in ending["error_message"]
    assert not any(shared.job.training.iterdir())
