"""The sidecar of a predicted NIfTI image: BIDS's fields, and above all that nobody measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.new_sidecar import new_sidecar
from petbench_datasets.images.predicted import PREDICTED_FIELD
from petbench_datasets.images.windows import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.runs.input_scan import InputScan
    from petbench.runs.predict_scan import PredictedScan
    from petbench_datasets.tasks.task import Task


def sidecar_path(output: Path) -> Path:
    """Return where the sidecar of a NIfTI file lies."""
    return output.with_name(output.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def predicted_sidecar(
    scan: InputScan, predicted: PredictedScan, names: Mapping[str, str], task: Task
) -> dict[str, Any]:
    """Return the fields of a predicted image: readers of petbench's own refuse it as a measurement by one of them.

    Args:
        scan: what it was predicted from.
        predicted: what was predicted.
        names: of `output`, `card` and `scan`, without folders.
        task: that the model was trained for.
    """
    start, stop = task.delayed_seconds
    known, is_suv = scan.calibration, predicted.unit == "suv"
    reference = 0.0 if known is None or is_suv else known.reference_seconds or 0.0
    sidecar = new_sidecar(
        [Frame(start, stop - start)],
        tracer=task.tracer,
        radionuclide=task.radionuclide,
        half_life_seconds=known.half_life_seconds if known else task.half_life_seconds,
        is_suv=is_suv,
        dose_megabecquerel=known.injected_bq / 1e6 if known else None,
        decay_corrected_to_seconds=reference,
        more={"PatientWeight": known.weight_kilograms} if known else None,
    )
    return sidecar | {
        PREDICTED_FIELD: {
            "From": names["scan"],
            "Card": names["card"],
            "ModelVoxelMillimetres": list(predicted.model_voxel_millimetres),
            "ScanVoxelMillimetres": list(predicted.scan_voxel_millimetres),
            "ActivityOutsideModelFieldPercent": round(predicted.activity_outside_percent, 3),
        }
    }
