"""How high SUV goes in the images that a fold may learn from: those of its training and validation participants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_datasets.images.grid import Volume

QUANTILES = (0.5, 0.99, 0.999, 0.9999)
"""Of the voxels above `BODY_SUV`."""

BODY_SUV = 0.1
"""Voxels below it are air, roughly."""


@dataclass(frozen=True, slots=True)
class SuvRange:
    """The SUV of one image.

    Attributes:
        participant: whose.
        part: `train` or `validation`.
        window: `early` or `delayed`.
        quantiles: of the voxels in the body, in the order of `QUANTILES`.
        maximum: the highest voxel.
    """

    participant: str
    part: str
    window: str
    quantiles: tuple[float, ...]
    maximum: float


def suv_ranges(dataset: Dataset, fold: Fold, progress: Progress = silent) -> list[SuvRange]:
    """Return the range of the early and the delayed image of every training and validation participant of a fold.

    No image of a test participant is read.

    Args:
        dataset: opened.
        fold: of one of its splits.
        progress: shows how many participants are read.
    """
    parts = {name: part for part in ("train", "validation") for name in fold.parts()[part]}
    found = []
    for done, (name, part) in enumerate(parts.items(), start=1):
        early, _ = dataset.early(name)
        found.append(_range(name, part, "early", early))
        if name not in dataset.withheld:
            found.append(_range(name, part, "delayed", dataset.delayed(name)[0]))
        progress("reading the training and validation images", done, len(parts))
    return found


def highest(ranges: list[SuvRange], window: str | None = None) -> SuvRange:
    """Return the range of the image that reaches highest, of one window or of both."""
    return max((one for one in ranges if window in (None, one.window)), key=lambda one: one.maximum)


def _range(participant: str, part: str, window: str, image: Volume) -> SuvRange:
    body = image[image > BODY_SUV]
    quantiles = np.quantile(body, QUANTILES) if body.size else np.zeros(len(QUANTILES))
    return SuvRange(participant, part, window, tuple(map(float, quantiles)), float(image.max()))
