"""How far a prediction is from its target, in the few numbers that a training's log has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.contract import Volume

BODY_SUV = 0.1


def rough_body(early: Volume, delayed: Volume) -> NDArray[np.bool_]:
    """Return where a body is, roughly: air would hide every difference."""
    return np.maximum(early, delayed) > BODY_SUV


def prediction_errors(early: Volume, delayed: Volume, predicted: Volume) -> dict[str, float]:
    """Return a prediction's mean absolute error and offset in SUV, and its gain, against the target in the body."""
    inside = rough_body(early, delayed)
    target, found = delayed[inside].astype(np.float64), predicted[inside].astype(np.float64)
    gain, offset = np.polyfit(target, found, 1) if np.ptp(target) > 0 else (np.nan, np.nan)
    return {"mae_suv": float(np.abs(found - target).mean()), "gain": float(gain), "offset_suv": float(offset)}


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each value over participants, all of which have the same values."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
