"""A small case for tests of metrics: labelled organs, a bladder, lesions, and noise that is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.catalogue import builtin_metrics
from petbench.metric_spec import Case
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from petbench.metric_spec import Measurement

SHAPE = (30, 34, 32)
SPACING = (5.0, 4.0, 4.0)
GRID = Grid.regular(SHAPE, SPACING)
NAMES = {1: "muscle", 2: "liver", 3: "bladder", 4: "kidneys", 5: "lungs", 9: "absent"}
LEVELS = {1: 0.8, 2: 2.5, 3: 20.0, 4: 4.0, 5: 0.5}


def body() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[1:29, 2:32, 2:30] = True
    return mask


def labels() -> NDArray[np.int16]:
    """Return muscle with a liver, kidneys, lungs and a bladder in it, far from each other."""
    found = np.where(body(), 1, 0).astype(np.int16)
    found[16:24, 4:14, 4:14] = 2
    found[16:20, 20:26, 20:26] = 4
    found[24:28, 18:30, 4:14] = 5
    found[2:6, 14:18, 14:18] = 3
    return found


def image(seed: int, noise: float = 0.05) -> NDArray[np.float32]:
    """Return the organs at their levels, with multiplicative noise of a seed."""
    levels = np.zeros(10)
    for index, level in LEVELS.items():
        levels[index] = level
    random = np.random.default_rng(seed)
    return np.maximum(levels[labels()] * random.normal(1.0, noise, SHAPE), 0.0).astype(np.float32)


def case(predicted: NDArray[np.float32], delayed: NDArray[np.float32], **changes: Any) -> Case:
    facts: dict[str, Any] = {
        "participant": "sub-01",
        "predicted": predicted,
        "delayed": delayed,
        "early": delayed,
        "body": body(),
        "grid": GRID,
        "labels": labels(),
        "names": NAMES,
    }
    return Case(**facts | changes)


def measured(name: str, scored: Case) -> dict[str, Measurement]:
    """Return what a built-in metric measures, by region."""
    spec = next(spec for spec in builtin_metrics() if spec.name == name)
    found = list(spec.measure(scored))
    assert len({measurement.region for measurement in found}) == len(found)
    return {measurement.region: measurement for measurement in found}


def value(name: str, scored: Case, region: str = "body") -> float:
    """Return one number of a built-in metric."""
    number = measured(name, scored)[region].value
    assert number is not None
    return number


def distance_millimetres(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return every voxel's distance to the nearest of a mask, by comparing it with all of them."""
    z, y, x = (axis * step for axis, step in zip(np.indices(SHAPE), SPACING, strict=True))
    nearest = np.full(SHAPE, np.inf)
    for place in np.argwhere(mask):
        a, b, c = (float(index) * step for index, step in zip(place, SPACING, strict=True))
        nearest = np.minimum(nearest, np.sqrt((z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2))
    return nearest
