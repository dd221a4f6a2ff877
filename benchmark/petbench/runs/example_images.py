"""The example slice of a run: early, predicted and delayed, for observers and for the report of a run in progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError
from petbench.methods.predicted_file import read_predicted
from petbench.training.example_image import example_slice, predicted_slices
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.contract import Volume
    from petbench.scan import Scan


@dataclass(frozen=True, slots=True)
class Example:
    """One axial slice after so many images, three times, in SUV, shape (y, x)."""

    images: int
    early: NDArray[np.float32]
    predicted: NDArray[np.float32]
    delayed: NDArray[np.float32]


def save_real(path: Path, scan: Scan, delayed: Volume) -> None:
    """Keep the slice of the early and of the delayed image, (z, y, x) in SUV, that predicted slices lie beside."""
    early = scan.early
    chosen = example_slice(early)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.save(file, np.stack([early[chosen], delayed[chosen]]).astype("<f4"), allow_pickle=False)


def newest_example(real: Path, trainings: Iterable[Path], *, after: int = -1) -> Example | None:
    """Return the newest predicted slice with the real ones; None where there is none that can be read.

    Args:
        real: what `save_real` has written.
        trainings: folders of the method, one of which has its slices: it is moved when the training ends.
        after: only one that was predicted after more images than this.
    """
    found = [file for training in trainings for file in predicted_slices(training) if file[0] > after]
    if not found:
        return None
    try:
        early, delayed = np.load(real, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    for images, path in sorted(found, reverse=True):
        try:
            predicted = read_predicted(path, early.shape, "the example slice")
        except PluginError:  # it is moved, or replaced, or whatever a method has put there
            continue
        return Example(images, early, predicted, delayed)
    return None
