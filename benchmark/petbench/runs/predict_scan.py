"""Apply the trained model of a run to a scan that is no part of any dataset."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from petbench.errors import DataError, UsageError
from petbench.methods import models
from petbench.runs.build_planned import build_planned
from petbench.runs.input_scan import bq_per_ml_of_one_suv, read_input_scan
from petbench.runs.lookup import find_folder
from petbench.runs.model_card import card_paths, model_card, write_card
from petbench.runs.training_notes import suv_clip
from petbench_datasets.images.grid import Grid, resample
from petbench_datasets.images.nifti import write_image
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench.runs.input_scan import InputScan
    from petbench.training.runnable_method import RunnableMethod
    from petbench_leaderboard.store import Leaderboard

Unit = Literal["suv", "bq_per_ml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedScan:
    """What `predict_scan` wrote.

    Attributes:
        output: the file.
        card: the model's card beside it, for people.
        scan: what it was predicted from.
        unit: of the file's voxels, `suv` or `bq_per_ml`.
        unit_in_words: the same, with the time of decay correction.
        grid: of the scan and of the file, in words.
        model_grid: on which the model worked, in words.
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
    unit: Unit
    unit_in_words: str
    grid: str
    model_grid: str
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
    unit: Unit = "suv",
    force: bool = False,
) -> PredictedScan:
    """Predict the delayed image of a scan with a trained run and write it on the scan's own grid, the card beside it.

    Args:
        run_id: of a run that ended well.
        scan_path: NIfTI file with a BIDS-PET sidecar, or a folder of DICOM files.
        output: NIfTI file to write.
        home: where the run's folder is.
        leaderboard: where the run's row is.
        registry: the installed plugins.
        device: where to predict; `auto` takes a CUDA device where there is one.
        unit: of the output; `bq_per_ml` is decay-corrected to the time that the scan is corrected to.
        force: replace an existing output.

    Raises:
        UsageError: the output exists or has another ending than .nii.gz, or the run did not end well.
        DataError: the scan cannot be read in SUV, or its dose and weight are wanted and not known.
    """
    _check_output(output, force=force)
    row = leaderboard.run(run_id)
    if row.status != "ok":
        raise UsageError(f"run {run_id} is {row.status}; only a run that ended well can predict")
    folder = find_folder(row, home)
    plan = folder.plan()
    method = _trained_method(plan, folder, home, registry, device)
    scan = read_input_scan(scan_path)
    per_suv, words = _unit(scan, unit, scan_path)
    model_grid = fit_grid(scan.grid, folder.grid())
    delayed, seconds = _predict(method, scan, model_grid, f"{plan.method} predicted no finite image of {scan_path}")
    result = PredictedScan(
        output=str(output),
        card=str(card_paths(output)[0]),
        scan=str(scan_path),
        unit=unit,
        unit_in_words=words,
        grid=str(scan.grid),
        model_grid=str(model_grid),
        early_mean_suv=float(scan.image.mean(dtype=np.float64)),
        early_maximum_suv=float(scan.image.max()),
        mean_suv=float(delayed.mean(dtype=np.float64)),
        maximum_suv=float(delayed.max()),
        seconds=seconds,
        warnings=(*scan.warnings, *_beyond_the_map(scan, folder)),
    )
    # The card first: an image must never be there without its card, not even after a kill.
    names = {"output": output.name, "card": card_paths(output)[0].name, "scan": scan_path.name}
    scores = of_newest_protocol(leaderboard.scores([run_id]))
    write_card(output, model_card(row, plan, scores, result.to_dict() | names))
    write_image(output, (delayed * np.float32(per_suv)).astype(np.float32, copy=False), scan.grid)
    return result


def _beyond_the_map(scan: InputScan, folder: RunFolder) -> list[str]:
    """Say where a scan has higher SUV than the model can take or give."""
    end, maximum = suv_clip(folder), float(scan.image.max())
    if end is None or maximum <= end:
        return []
    return [f"the scan reaches SUV {maximum:.1f}; the model knows SUV 0 to {end:g} and takes what is above for {end:g}"]


def _check_output(output: Path, *, force: bool) -> None:
    if not output.name.endswith(".nii.gz"):
        raise UsageError(f"the output {output} must end in .nii.gz")
    taken = next((path for path in (output, *card_paths(output)) if path.exists()), None)
    if taken is not None and not force:
        raise UsageError(f"the output {taken} exists; choose another name, or --force to replace it")


def _predict(method: RunnableMethod, scan: InputScan, model_grid: Grid, failure: str) -> tuple[Volume, float]:
    """Return the delayed image in SUV on the scan's own grid, and the seconds that the prediction took."""
    early = resample(scan.image, scan.grid, model_grid)
    start = time.perf_counter()
    predicted = np.asarray(method.predict(early), dtype=np.float32)
    seconds = time.perf_counter() - start
    if predicted.shape != model_grid.shape or not np.isfinite(predicted).all():
        raise DataError(f"{failure}; nothing was written")
    return resample(predicted, model_grid, scan.grid), seconds


def _trained_method(plan: RunPlan, folder: RunFolder, home: Home, registry: Registry, device: str) -> RunnableMethod:
    method = build_planned(plan, registry, home.environments, trains=False)
    models.load(method, folder.model)
    method.to(models.choose_device(device))
    return method


def _unit(scan: InputScan, unit: Unit, path: Path) -> tuple[float, str]:
    """Return what SUV 1 is in the unit of the output, and the unit in words."""
    if unit == "suv":
        return 1.0, "SUV by body weight (g/mL)"
    if scan.calibration is None:
        raise DataError(
            f"{path}: is stored in SUV, without dose and weight; its image can be predicted with --unit suv"
        )
    per_suv, reference = bq_per_ml_of_one_suv(scan.calibration)
    return per_suv, f"Bq/mL, decay-corrected to {reference / 60:.1f} min after injection"


def fit_grid(scan: Grid, model: Grid) -> Grid:
    """Return the model's grid laid over a scan: the model's spacing and matrix in the plane, as many slices as needed.

    A network knows the size of a voxel, so the spacing is kept exactly; the centres of both grids coincide.
    """
    depth = scan.shape[0] * scan.spacing_millimetres[0]
    slices = max(1, int(np.ceil(depth / model.spacing_millimetres[0])))
    shape = (slices, model.shape[1], model.shape[2])
    directions = scan.affine[:3, :3] / np.linalg.norm(scan.affine[:3, :3], axis=0)
    linear = directions * np.asarray(model.spacing_millimetres[::-1])
    centre = scan.affine[:3, :3] @ ((np.asarray(scan.shape[::-1]) - 1) / 2) + scan.affine[:3, 3]
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = centre - linear @ ((np.asarray(shape[::-1]) - 1) / 2)
    return Grid(shape, affine)
