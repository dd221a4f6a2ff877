"""A method that is a program: the four verbs of the contract, through files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from petbench.errors import PluginError
from petbench.methods.predicted_file import read_predicted
from petbench.methods.program.model_files import read_files, write_files
from petbench.methods.program.process import run_stage
from petbench.methods.program.protocol import Job, Wanted
from petbench.methods.program.validation_input import write_pairs
from petbench.methods.scan_files import write_scan
from petbench.training.runnable_method import NOTHING
from petbench.training.training_log import HARNESS_EVENTS, LOG_NAME, TrainingLog, read_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import torch

    from petbench.contract import MethodSpec, RunContext, TrainingData, Volume
    from petbench.methods.scan_files import ScanFiles
    from petbench.scan import Scan
    from petbench.training.runnable_method import HarnessOnly, Keep

MODEL, WORK = "model", "work"


class ProgramMethod:
    """Implements `petbench.training.runnable_method.RunnableMethod` for a method outside the harness's process.

    Args:
        spec: of the method.
        values: its parameters, validated.
        package: folder of the plugin's code.
        environments: folder of methods' virtual environments.

    Attributes:
        validates: whether the program is petbench's own runner, whose loop is the harness's.
    """

    def __init__(self, spec: MethodSpec, values: Mapping[str, Any], package: Path | None, environments: Path) -> None:
        self._spec = spec
        self._environments = environments
        self._values = dict(values)
        self._package = package
        self._model: dict[str, bytes] = {}
        self._seed = 0
        self._device = "cpu"
        self._parameter_count = 0
        self.validates = not spec.command

    def why_not_shared(self, device: torch.device) -> str:  # noqa: ARG002 - on no device
        """Say that its training is the program's own."""
        return f"{self._spec.name} trains in a program of its own: only the steps of a StepMethod can be shared"

    def fit(self, data: TrainingData, run: RunContext, own: HarnessOnly = NOTHING) -> None:
        """Write the training scans and volumes, have the program learn from them, and keep what it learnt.

        Validation pairs go to petbench's own runner alone, on its standard input, and never into the job's folder.

        Raises:
            PluginError: the program failed, or was interrupted by somebody else.
        """
        folder = run.folder / "job"
        self._seed, self._device = run.seed, str(run.device)
        for name in ("training", MODEL):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in ("training", MODEL, WORK):
            (folder / name).mkdir(parents=True, exist_ok=True)
        try:
            job = self._job("fit").model_copy(
                update={
                    "images": run.budget.images,
                    "seconds": run.budget.seconds,
                    "precision": run.engine.precision,
                    "scans": _write_scans(folder, "training", data.scans()),
                    "delayed": ()
                    if self._spec.supervision == "no-target"
                    else _write(folder, "training/{}-delayed.npy", data.delayed()),
                }
            )
            with tempfile.TemporaryFile(dir=run.folder) as validation:
                write_pairs(validation, own.validation)
                status = run_stage(
                    self._spec,
                    self._package,
                    job,
                    folder,
                    self._environments,
                    lambda: run.interrupted,
                    validation=validation if self.validates else None,
                )
        finally:
            shutil.rmtree(folder / "training", ignore_errors=True)  # written anew when the run resumes
        if status.images_seen is not None:
            run.set_images_seen(status.images_seen, at_start=status.images_at_start)
        if status.clock is not None and own.clock is not None and self.validates:  # petbench's own runner wrote it
            reading = status.clock
            own.clock.take_over(
                before=reading.before,
                wall_before=reading.wall_before,
                steps=reading.steps,
                stood_still=reading.stood_still,
                warm_up_images=reading.warm_up_images,
            )
        _keep_losses(folder / WORK / LOG_NAME, run.folder / LOG_NAME, harness_validates=self.validates)
        if status.state == "interrupted":
            if not run.interrupted:
                raise PluginError(
                    f"the program of {self._spec.name} was interrupted by somebody else: {status.message}"
                )
            return
        self._parameter_count = status.parameter_count or 0
        self._model = read_files(folder / MODEL, f"the program of {self._spec.name}")

    def predict(self, scan: Scan) -> Volume:
        """Predict one participant's delayed volume."""
        return next(iter(self.predict_all([scan])))

    def predict_all(self, scans: Iterable[Scan], keep: Keep | None = None) -> Iterator[Volume]:
        """Predict every delayed volume with one start of the program, and yield them in their order.

        Raises:
            PluginError: one is missing, or no volume on the grid of its early one; or samples are to be kept, which a
                program does not hand over.
        """
        if keep is not None:
            raise PluginError(f"{self._spec.name} is a program of its own, and hands over no samples to keep")
        with tempfile.TemporaryDirectory(prefix="petbench-job-") as temporary:
            folder = Path(temporary)
            for name in ("images", "predictions", MODEL, WORK):
                (folder / name).mkdir()
            write_files(folder / MODEL, self._model)
            shapes: list[tuple[int, ...]] = []

            def noted() -> Iterator[Scan]:
                for scan in scans:
                    shapes.append(scan.early.shape)
                    yield scan

            participants = tuple(
                Wanted(scan=scan, delayed=f"predictions/{number:03d}.npy")
                for number, scan in enumerate(_write_scans(folder, "images", noted()))
            )
            job = self._job("predict").model_copy(update={"participants": participants})
            run_stage(self._spec, self._package, job, folder, self._environments)
            for participant, shape in zip(participants, shapes, strict=True):
                path = folder / participant.delayed
                if not path.is_symlink() and not path.exists():
                    raise PluginError(
                        f"the program of {self._spec.name} wrote no {path.name}: it predicts every participant of "
                        "job.json"
                    )
                yield read_predicted(path, shape, f"the {path.name} that the program of {self._spec.name} wrote")

    def state_dict(self) -> dict[str, Any]:
        """Return the files of the model, as tensors of bytes."""
        import torch

        files = {
            name: torch.from_numpy(np.frombuffer(content, dtype=np.uint8).copy())
            for name, content in self._model.items()
        }
        return {"files": files, "seed": self._seed, "parameter_count": self._parameter_count}

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        """Take back the files of the model."""
        self._model = {str(name): bytes(tensor.cpu().numpy()) for name, tensor in state["files"].items()}
        self._seed, self._parameter_count = int(state["seed"]), int(state["parameter_count"])
        return self

    def to(self, device: torch.device) -> None:
        """Have the program use a device."""
        self._device = str(device)

    def parameter_count(self) -> int:
        """Return what the program said of its size; 0 before it has trained."""
        return self._parameter_count

    def _job(self, stage: Literal["fit", "predict"]) -> Job:
        return Job(
            stage=stage,
            method=self._spec.name,
            parameters=self._values,
            supervision=self._spec.supervision,
            seed=self._seed,
            device=self._device,
        )


def _write_scans(folder: Path, place: str, scans: Iterable[Scan]) -> tuple[ScanFiles, ...]:
    return tuple(write_scan(folder, f"{place}/{number:03d}", scan) for number, scan in enumerate(scans))


def _write(folder: Path, pattern: str, volumes: Iterable[Volume]) -> tuple[str, ...]:
    names = []
    for number, volume in enumerate(volumes):
        names.append(pattern.format(f"{number:03d}"))
        np.save(folder / names[-1], np.ascontiguousarray(volume, dtype="<f4"), allow_pickle=False)
    return tuple(names)


def _keep_losses(source: Path, target: Path, *, harness_validates: bool) -> None:
    """Copy the log of a training, without validations that a program of somebody else claims."""
    if not source.is_file():
        return
    if harness_validates:
        shutil.copyfile(source, target)
        return
    log = TrainingLog(target.parent)
    log.delete()
    for line in read_events(source):
        if line["event"] not in HARNESS_EVENTS:
            log.append(line["event"], line)


def package_folder(modules: Sequence[str]) -> Path | None:
    """Return the folder of the plugin's top-level package, by the modules that it may be found through."""
    import importlib.util

    for module in modules:
        found = importlib.util.find_spec(module.partition(":")[0].partition(".")[0])
        if found is not None and found.origin:
            return Path(found.origin).parent
    return None
