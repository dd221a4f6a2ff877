"""One slice of one validation participant, predicted again and again while a method trains: how it looks by now.

The method's process writes only what the method has predicted, into the method's own folder. The early and the delayed
slice beside it come from the run's own process, which has the dataset: `petbench.runs.example_images`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Volume

FOLDER_NAME = "example"
MOST_SUV = 5.0
KEPT = 2
"""Predicted slices that stay: who reads the newest finds it whole while the next one is written."""

_NAME = re.compile(r"images-(\d{1,19})\.npy")


def example_slice(early: Volume) -> int:
    """Return the axial slice with the most uptake in the early image (z, y, x), whatever is predicted from it.

    A voxel counts for no more than 5 SUV, so that one hot organ does not outweigh the trunk.
    """
    return int(np.argmax(np.minimum(early, MOST_SUV).sum(axis=(1, 2), dtype=np.float64)))


def save_predicted(folder: Path, images: int, predicted: Volume) -> None:
    """Keep what is predicted after so many images, shape (y, x), in SUV; of earlier ones only the last stays.

    Args:
        folder: the method's own.
        images: seen so far.
        predicted: the slice.
    """
    with atomic_path(folder / FOLDER_NAME / f"images-{images:012d}.npy") as path, path.open("wb") as file:
        np.save(file, np.asarray(predicted, dtype="<f4"), allow_pickle=False)
    for _, old in predicted_slices(folder)[:-KEPT]:
        old.unlink(missing_ok=True)


def forget_after(folder: Path, images: int) -> None:
    """Remove what was predicted after more images than this, which a resumed training sees again."""
    for later, path in predicted_slices(folder):
        if later > images:
            with contextlib.suppress(OSError):
                path.unlink()


def predicted_slices(folder: Path) -> list[tuple[int, Path]]:
    """Return the files in a method's folder, each with after how many images it was predicted, the newest last."""
    try:
        found = list((folder / FOLDER_NAME).iterdir())
    except OSError:
        return []
    matches = [(match, path) for path in found if (match := _NAME.fullmatch(path.name))]
    return sorted((int(match[1]), path) for match, path in matches)
