"""Apply the trained model of a run to a scan that is no part of any dataset."""

from __future__ import annotations

import dataclasses
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import DataError, UsageError
from petbench.methods import models
from petbench.methods.devices import choose_device
from petbench.plans.tasks import planned_task
from petbench.runs.build_planned import build_planned
from petbench.runs.ensemble import ENSEMBLE, members_of
from petbench.runs.input_scan import read_input_scan
from petbench.runs.lookup import find_folder
from petbench.runs.model_card import card_paths, model_card, write_card
from petbench.runs.on_model_grid import fit_grid
from petbench.runs.predicted_inputs import NO_INPUTS, InputReader
from petbench.runs.predicted_output import Form, Unit, check_output, unit_of
from petbench.runs.predicted_sidecar import predicted_sidecar, sidecar_path
from petbench.runs.training_notes import suv_clip
from petbench_datasets.bids.scan import NOTHING_GIVEN
from petbench_datasets.exporters.predicted_dicom import Prediction, write_predicted_series
from petbench_datasets.files import write_json
from petbench_datasets.images.field_of_view import share_outside
from petbench_datasets.images.grid import resample
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench.runs.input_scan import InputScan
    from petbench.runs.predicted_inputs import GivenInputs
    from petbench.scan import Scan
    from petbench.training.runnable_method import RunnableMethod
    from petbench_datasets.bids.scan import Given
    from petbench_datasets.images.grid import Grid
    from petbench_datasets.tasks.task import Task
    from petbench_leaderboard.store import Leaderboard

LARGEST_OUTSIDE = 0.05
"""A scan with a larger part of its activity outside the model's field is refused."""

LEAST_OUTSIDE = 0.0005
"""What is less is not worth a warning."""

COARSER = 1.5
"""How much larger a voxel of the model may be than the scan's before it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedScan:
    """What `predict_scan` wrote.

    Attributes:
        output: the file.
        card: the model's card beside it, for people.
        scan: what it was predicted from.
        form: of the output, `nifti` or `dicom`.
        unit: of the file's voxels, `suv` or `bq_per_ml`.
        unit_in_words: the same, with the time of decay correction.
        grid: of the scan and of the file, in words.
        model_grid: on which the model worked, in words.
        scan_voxel_millimetres: of the scan, (z, y, x).
        model_voxel_millimetres: of the model, (z, y, x).
        activity_outside_percent: part of the scan's activity that lies outside the model's field, and is written as 0.
        early_mean_suv: of the scan, over the whole grid.
        early_maximum_suv: of the scan.
        mean_suv: of the predicted image, over the whole grid.
        maximum_suv: of the predicted image.
        seconds: for predicting, without reading and writing.
        warnings: what a reader of the image must know, one line each.
    """

    output: str
    card: str
    scan: str
    form: Form
    unit: Unit
    unit_in_words: str
    grid: str
    model_grid: str
    scan_voxel_millimetres: tuple[float, float, float]
    model_voxel_millimetres: tuple[float, float, float]
    activity_outside_percent: float
    early_mean_suv: float
    early_maximum_suv: float
    mean_suv: float
    maximum_suv: float
    seconds: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return dataclasses.asdict(self)


def predict_scan(
    run_id: int,
    scan_path: Path,
    output: Path,
    *,
    home: Home,
    leaderboard: Leaderboard,
    registry: Registry,
    device: str,
    form: Form = "nifti",
    unit: Unit | None = None,
    given: Given = NOTHING_GIVEN,
    inputs: GivenInputs = NO_INPUTS,
    task: Task | None = None,
    allow_outside: bool = False,
    force: bool = False,
) -> PredictedScan:
    """Predict the delayed image of a scan with a trained run and write it as the scan lies, the card beside it.

    A NIfTI file has the scan's own voxel order, a DICOM series its slices, study and frame of reference.

    Args:
        run_id: of a run that ended well.
        scan_path: NIfTI file with a BIDS-PET sidecar, or a folder of DICOM files.
        output: NIfTI file to write, or the folder of a DICOM series.
        home: where the run's folder is.
        leaderboard: where the run's row is.
        registry: the installed plugins.
        device: where to predict; `auto` takes a CUDA device where there is one.
        form: `nifti`, or `dicom` for a scan that came as DICOM.
        unit: of the output; Bq/mL is decay-corrected to the time that the scan is corrected to, in DICOM to its own
            start.
            None: SUV in NIfTI, Bq/mL in DICOM where dose and weight are known.
        given: weight and dose that go before what the files say.
        inputs: what the method needs beside the early image and the files may not say.
        task: that the run must have been trained for; None for whichever it was.
        allow_outside: write the image even if much of the activity lies outside the model's field.
        force: replace an existing output.

    Raises:
        UsageError: the output exists or has another ending than .nii.gz, or the run did not end well, or is of another
            task.
        DataError: the scan cannot be read in SUV, its dose and weight are wanted and not known, nobody says what the
            method needs, or more of its activity lies outside the model's field than `LARGEST_OUTSIDE`.
    """
    check_output(output, form, force=force)
    row = leaderboard.run(run_id)
    if row.status != "ok":
        raise UsageError(f"run {run_id} is {row.status}; only a run that ended well can predict")
    folder = find_folder(row, home)
    plan = folder.plan()
    members = members_of(row, leaderboard) if plan.distribution == ENSEMBLE else [row]
    folders = [find_folder(member, home) for member in members]
    plans = [each.plan() for each in folders]
    methods = [_trained_method(each, where, home, registry, device) for each, where in zip(plans, folders, strict=True)]
    asked = planned_task(plan)
    if task is not None and task.id != asked.id:
        raise UsageError(f"run {run_id} was trained for the task {asked.id}, not {task.id}; choose a run of that task")
    scan = read_input_scan(scan_path, given, asked, frames=any("frames" in each.needs for each in plans))
    if form == "dicom" and not scan.files:
        raise UsageError(f"{scan_path} is no DICOM, and has no study that a series belongs to; leave out --as dicom")
    unit = unit or ("suv" if form == "nifti" or scan.calibration is None else "bq_per_ml")
    per_suv, words = unit_of(scan, unit, form, scan_path, asked)
    model_grid = fit_grid(scan.grid, folders[0].grid())
    outside = share_outside(scan.image, scan.grid, model_grid)
    if outside > LARGEST_OUTSIDE and not allow_outside:
        raise DataError(
            f"{scan_path}: {_outside(outside)}, {model_grid}, and would be written as 0; more than "
            f"{LARGEST_OUTSIDE:.0%} is refused: cut the scan, or allow it with --allow outside-field"
        )
    reader = InputReader(scan, scan_path, model_grid, given, inputs, folders[0].label_names(), asked)
    early = resample(scan.image, scan.grid, model_grid)
    scans = [reader.read(early.copy(), each.needs, each.method) for each in plans]
    failure = f"{plan.method} predicted no finite image of {scan_path}"
    delayed, seconds = _predict(methods, scans, scan.grid, model_grid, failure)
    result = PredictedScan(
        output=str(output),
        card=str(card_paths(output)[0]),
        scan=str(scan_path),
        form=form,
        unit=unit,
        unit_in_words=words,
        grid=str(scan.grid),
        model_grid=str(model_grid),
        scan_voxel_millimetres=scan.grid.spacing_millimetres,
        model_voxel_millimetres=model_grid.spacing_millimetres,
        activity_outside_percent=100.0 * outside,
        early_mean_suv=float(scan.image.mean(dtype=np.float64)),
        early_maximum_suv=float(scan.image.max()),
        mean_suv=float(delayed.mean(dtype=np.float64)),
        maximum_suv=float(delayed.max()),
        seconds=seconds,
        warnings=(*scan.warnings, *_beyond_the_map(scan, folders), *_field(scan, model_grid, outside)),
    )
    # The card first: an image must never be there without its card, not even after a kill.
    names = {"output": output.name, "card": card_paths(output)[0].name, "scan": scan_path.name}
    scores = of_newest_protocol(leaderboard.scores([run_id]))
    write_card(output, model_card(row, plan, scores, result.to_dict() | names))
    if form == "dicom":
        _write_dicom(output, delayed, scan, result, plan, force=force)
    else:
        write_json(sidecar_path(output), predicted_sidecar(scan, result, names, asked))
        values = (delayed * np.float32(per_suv)).astype(np.float32, copy=False)
        write_image(output, *((values, scan.grid) if scan.order is None else scan.order.restore(values)))
    return result


def _write_dicom(
    output: Path, delayed: Volume, scan: InputScan, result: PredictedScan, plan: RunPlan, *, force: bool
) -> None:
    made_by = (
        f"by the method {plan.method}, trained on {plan.dataset}; run {plan.identity[:16]} of petbench; research only; "
        f"{result.activity_outside_percent:.1f} % of the activity outside the model's field"
    )
    prediction = Prediction(
        delayed,
        scan.grid,
        scan.calibration,
        result.unit == "suv",
        scan.injected_at,
        made_by,
        plan.identity,
        planned_task(plan),
    )
    if force and output.is_dir():
        shutil.rmtree(output)
    write_predicted_series(output, prediction, scan.files)


def _outside(share: float) -> str:
    return f"{100 * share:.1f} % of the scan's activity lies outside the model's field"


def _field(scan: InputScan, model: Grid, outside: float) -> list[str]:
    """Say what the model cannot see of a scan: what lies outside its field, and details finer than its voxels."""
    found = [f"{_outside(outside)}, {model}, and is written as 0"] if outside >= LEAST_OUTSIDE else []
    if model.voxel_millilitres > COARSER * scan.grid.voxel_millilitres:
        found.append(
            f"the model's voxels ({model}) are {model.voxel_millilitres / scan.grid.voxel_millilitres:.1f} times as "
            f"large as the scan's ({scan.grid}): nothing finer is predicted"
        )
    return found


def _beyond_the_map(scan: InputScan, folders: Sequence[RunFolder]) -> list[str]:
    """Say where a scan has higher SUV than the model can take or give."""
    ends = [end for folder in folders if (end := suv_clip(folder)) is not None]
    end, maximum = min(ends, default=None), float(scan.image.max())
    if end is None or maximum <= end:
        return []
    return [f"the scan reaches SUV {maximum:.1f}; the model knows SUV 0 to {end:g} and takes what is above for {end:g}"]


def _predict(
    methods: Sequence[RunnableMethod], scans: Sequence[Scan], grid: Grid, model_grid: Grid, failure: str
) -> tuple[Volume, float]:
    """Return the mean delayed image in SUV on the scan's own grid, and the seconds that the prediction took."""
    start = time.perf_counter()
    total = sum(np.asarray(method.predict(scan), dtype=np.float64) for method, scan in zip(methods, scans, strict=True))
    predicted = np.asarray(total / len(methods), dtype=np.float32)
    seconds = time.perf_counter() - start
    if predicted.shape != model_grid.shape or not np.isfinite(predicted).all():
        raise DataError(f"{failure}; nothing was written")
    return resample(predicted, model_grid, grid), seconds


def _trained_method(plan: RunPlan, folder: RunFolder, home: Home, registry: Registry, device: str) -> RunnableMethod:
    method = build_planned(plan, registry, home.environments, trains=False)
    models.load(method, folder.model)
    method.to(choose_device(device))
    return method
