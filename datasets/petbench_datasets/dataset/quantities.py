"""What an image amounts to, so that a wrong dose, weight or decay reference is seen at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.participants import body_weight, read_participants
from petbench_datasets.bids.scan import find_root, read_scan
from petbench_datasets.evidence.body import require_activity

if TYPE_CHECKING:
    from pathlib import Path

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


def image_quantities(path: Path, participant: str) -> Quantities:
    """Read an image of a dataset and say what it amounts to.

    Raises:
        DataError: it cannot be read, or SUV cannot be computed.
    """
    scan = read_scan(path)
    suv = scan.suv_frame(len(scan.frames) - 1)
    root = find_root(path)
    weight = body_weight(root, participant, None, read_participants(root))
    if weight is None and scan.calibration is not None:
        weight = scan.calibration.weight_kilograms
    total = float(suv.sum(dtype=np.float64)) * scan.grid.voxel_millilitres
    return Quantities(float(suv.max()), None if weight is None else total / (1000.0 * weight))


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
