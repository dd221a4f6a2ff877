"""What an image amounts to, so that a wrong dose, weight or decay reference is seen at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.evidence.body import require_activity

if TYPE_CHECKING:
    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Volume


@dataclass(frozen=True, slots=True)
class Quantities:
    """Of one image, or of the last frame of a dynamic one.

    Attributes:
        suv_maximum: the highest voxel.
        dose_in_view: decay-corrected activity in the image over the activity injected; None where no weight is known.
            More than 1 cannot be: something between dose, weight and times is wrong then.
    """

    suv_maximum: float
    dose_in_view: float | None


def scan_quantities(scan: Scan, weight_kilograms: float | None, activity: Volume) -> Quantities:
    """Say what an image amounts to.

    Args:
        scan: the image.
        weight_kilograms: of the participant, where the image is SUV; None where it is not known.
        activity: its last frame as stored, shape (z, y, x).
    """
    weight = weight_kilograms if scan.calibration is None else scan.calibration.weight_kilograms
    one = scan.suv_per_unit(len(scan.frames) - 1)
    total = float(activity.sum(dtype=np.float64)) * one * scan.grid.voxel_millilitres
    return Quantities(float(activity.max()) * one, None if weight is None else total / (1000.0 * weight))


def require_possible(scan: Scan, frame: int, voxels: Volume) -> None:
    """Raise where a frame holds far more activity than was injected.

    Args:
        scan: the frame's.
        frame: its index.
        voxels: as stored, shape (z, y, x).

    Raises:
        DataError: naming the dose.
    """
    if scan.calibration is None:
        return
    total = float(voxels.sum(dtype=np.float64)) * scan.suv_per_unit(frame) * scan.grid.voxel_millilitres
    shown = f"{scan.calibration.injected_bq / 1e6:.4g} MBq"
    require_activity(
        str(scan.path), total / (1000.0 * scan.calibration.weight_kilograms), "InjectedRadioactivity", shown
    )
