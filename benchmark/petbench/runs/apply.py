"""Apply the trained model of a run to a scan that is no part of any cohort."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import DataError, UsageError
from petbench.runs import models
from petbench.runs.plan import RunPlan
from petbench_datasets.bids import read_scan
from petbench_datasets.framing import EARLY_WINDOW_SECONDS, FrameUse, WindowPlan, plan_window
from petbench_datasets.grid import Grid, resample
from petbench_datasets.nifti import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench_datasets.bids import Scan
    from petbench_leaderboard.store import Leaderboard

GRID_FILE_NAME = "grid.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What `apply_run` wrote.

    Attributes:
        output: the file.
        grid: of the scan and of the file, in words.
        model_grid: on which the model worked, in words.
        early_mean_suv: of the scan, over the whole grid.
        early_maximum_suv: of the scan.
        mean_suv: of the drawn image, over the whole grid.
        maximum_suv: of the drawn image.
        seconds: for drawing, without reading and writing.
        warnings: what a reader of the image must know, one line each.
    """

    output: str
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


def apply_run(
    run_id: int, scan_path: Path, output: Path, *, home: Home, leaderboard: Leaderboard, device: str, force: bool
) -> Drawn:
    """Draw the delayed image of a scan with a trained run and write it in SUV, on the scan's own grid.

    Args:
        run_id: of a run that ended well.
        scan_path: NIfTI file with a BIDS-PET sidecar.
        output: NIfTI file to write.
        home: where the run's folder is.
        leaderboard: where the run's row is.
        device: where to draw; `auto` takes a CUDA device where there is one.
        force: replace an existing output.

    Raises:
        UsageError: the output exists or has another ending than .nii.gz, or the run did not end well.
        DataError: the scan cannot be read in SUV.
    """
    if not output.name.endswith(".nii.gz"):
        raise UsageError(f"the output {output} must end in .nii.gz")
    if output.exists() and not force:
        raise UsageError(f"the output {output} exists; choose another name, or --force to replace it")
    row = leaderboard.run(run_id)
    if row.status != "ok":
        raise UsageError(f"run {run_id} is {row.status}; only a run that ended well can be applied")
    folder = run_folder(home, run_id)
    plan = RunPlan.load(folder)
    method = models.load(plan, folder, device)
    scan = read_scan(scan_path)
    early, warnings = _early_image(scan)
    model_grid = fit_grid(scan.grid, load_grid(folder))
    on_model_grid = resample(early, scan.grid, model_grid)
    start = time.perf_counter()
    drawn = np.asarray(method.predict(on_model_grid), dtype=np.float32)
    seconds = time.perf_counter() - start
    if drawn.shape != model_grid.shape or not np.isfinite(drawn).all():
        raise DataError(f"{plan.method} drew no finite image of {scan_path}; nothing was written")
    delayed = resample(drawn, model_grid, scan.grid)
    write_image(output, delayed, scan.grid)
    return Drawn(
        output=str(output),
        grid=str(scan.grid),
        model_grid=str(model_grid),
        early_mean_suv=float(early.mean(dtype=np.float64)),
        early_maximum_suv=float(early.max()),
        mean_suv=float(delayed.mean(dtype=np.float64)),
        maximum_suv=float(delayed.max()),
        seconds=seconds,
        warnings=tuple(warnings),
    )


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


def save_grid(folder: Path, grid: Grid) -> None:
    """Keep the grid that a run was trained on beside its model."""
    from petbench_datasets.files import write_text

    write_text(folder / GRID_FILE_NAME, json.dumps({"shape": grid.shape, "affine": grid.affine.tolist()}) + "\n")


def load_grid(folder: Path) -> Grid:
    """Return the grid that a run was trained on."""
    facts = json.loads((folder / GRID_FILE_NAME).read_text(encoding="utf-8"))
    return Grid(tuple(facts["shape"]), np.asarray(facts["affine"], dtype=np.float64))


def run_folder(home: Home, run_id: int) -> Path:
    """Return the folder of a run by its number."""
    found = sorted(home.runs.glob(f"{run_id:05d}-*"))
    if not found:
        raise UsageError(f"the folder of run {run_id} is not under {home.runs}; the run was made elsewhere or deleted")
    return found[0]


def _early_image(scan: Scan) -> tuple[Volume, list[str]]:
    """Return the scan's early image in SUV; where it was taken at another time, all of it with a warning."""
    try:
        window = plan_window("early", [scan], str(scan.path))
    except DataError:
        first, last = (
            min(frame.start_seconds for frame in scan.frames),
            max(frame.stop_seconds for frame in scan.frames),
        )
        trained = "-".join(f"{seconds / 60:g}" for seconds in EARLY_WINDOW_SECONDS)
        warning = (
            f"{scan.path.name} was taken {first / 60:.0f}-{last / 60:.0f} min after injection, the model learnt from "
            f"{trained} min: what it draws here shows that it runs, not what it is worth"
        )
        uses = tuple(FrameUse(scan, index, frame.duration_seconds) for index, frame in enumerate(scan.frames))
        return WindowPlan("early", uses, 1.0).image(), [*scan.repairs, warning]
    return window.image(), list(scan.repairs)
