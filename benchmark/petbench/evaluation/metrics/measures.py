"""The arrays that metrics take, and how a function of them becomes the measure of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from petbench.metric_spec import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from petbench.metric_spec import Case

Image = NDArray[np.float32] | NDArray[np.float64]
"""In SUV, shape (z, y, x)."""

Mask = NDArray[np.bool_]
"""Shape (z, y, x)."""


def in_body(function: Callable[[Image, Image, Mask], float]) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures a function of (predicted, real, body) in the body."""
    return lambda case: [Measurement("body", function(case.predicted, case.delayed, case.body))]


def in_volume(function: Callable[[Image, Image], float]) -> Callable[[Case], Iterable[Measurement]]:
    """Return what measures a function of (predicted, real) in the whole volume."""
    return lambda case: [Measurement("volume", function(case.predicted, case.delayed))]
