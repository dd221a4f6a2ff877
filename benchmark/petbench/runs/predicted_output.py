"""Where a predicted image goes, and in which unit: what is checked before anything is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from petbench.errors import DataError, UsageError
from petbench.runs.input_scan import bq_per_ml_of_one_suv
from petbench.runs.model_card import card_paths
from petbench.runs.predicted_sidecar import sidecar_path
from petbench_datasets.exporters.predicted_dicom import is_predicted_series

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.runs.input_scan import InputScan
    from petbench_datasets.tasks.task import Task

Unit = Literal["suv", "bq_per_ml"]
Form = Literal["nifti", "dicom"]


def check_output(output: Path, form: Form, *, force: bool) -> None:
    """Make sure that an output may be written.

    Raises:
        UsageError: it has another ending than its form, or is there.
    """
    if form == "nifti" and not output.name.endswith(".nii.gz"):
        raise UsageError(f"the output {output} must end in .nii.gz, or be a folder with --as dicom")
    if form == "dicom" and (output.name.endswith((".nii", ".nii.gz")) or output.is_file()):
        raise UsageError(f"the output {output} must be a folder with --as dicom")
    if form == "dicom" and force and output.is_dir() and not is_predicted_series(output):
        raise UsageError(
            f"the output {output} holds more than a predicted series; --force would remove it; name another"
        )
    beside = card_paths(output) if form == "dicom" else (*card_paths(output), sidecar_path(output))
    taken = next((path for path in (output, *beside) if path.exists()), None)
    if taken is not None and not force:
        raise UsageError(f"the output {taken} exists; choose another name, or --force to replace it")


def unit_of(scan: InputScan, unit: Unit, form: Form, path: Path, task: Task) -> tuple[float, str]:
    """Return what SUV 1 is in the unit of the output, and the unit in words."""
    if unit == "suv":
        return 1.0, "SUV by body weight (g/mL)"
    if scan.calibration is None:
        raise DataError(
            f"{path}: is stored in SUV, without dose and weight; its image can be predicted with --unit suv"
        )
    if form == "dicom":
        return 1.0, f"Bq/mL, decay-corrected to {task.delayed_seconds[0] / 60:g} min after injection"
    per_suv, reference = bq_per_ml_of_one_suv(scan.calibration)
    return per_suv, f"Bq/mL, decay-corrected to {reference / 60:.1f} min after injection"
