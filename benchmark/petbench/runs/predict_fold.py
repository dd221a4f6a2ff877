"""Predict participants of a fold, those who test or those who validate, and write the predictions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError
from petbench_datasets.images.nifti import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.training.runnable_method import RunnableMethod
    from petbench_datasets.dataset.reader import Dataset


def predict_participants(
    method: RunnableMethod, name: str, participants: Sequence[str], dataset: Dataset, folder: Path
) -> float:
    """Write the prediction of every participant, in SUV, and return the mean seconds that one took.

    Args:
        method: trained.
        name: of the method, for messages.
        participants: whom to predict; at least one.
        dataset: where their early images are.
        folder: to write `<participant>.nii.gz` into.

    Raises:
        PluginError: a prediction has another shape, or voxels that are not finite.
    """
    spent = 0.0
    for participant, predicted, seconds in _timed(method, participants, dataset):
        spent += seconds
        grid = dataset.grid(participant)
        if predicted.shape != grid.shape:
            raise PluginError(f"{name} predicted {predicted.shape} voxels for {participant}, not {grid.shape}")
        if not np.isfinite(predicted).all():
            raise PluginError(f"{name} predicted NaN or infinite voxels for {participant}; nothing was scored")
        write_image(folder / f"{participant}.nii.gz", predicted.astype(np.float32), grid)
    return spent / len(participants)


def _timed(
    method: RunnableMethod, participants: Sequence[str], dataset: Dataset
) -> Iterator[tuple[str, Volume, float]]:
    """Yield each participant with its prediction and the seconds it took; reading the dataset does not count.

    Where a method starts a program for all participants together, the start is part of the first one's time.
    """
    reading = 0.0

    def early_volumes() -> Iterator[Volume]:
        nonlocal reading
        for participant in participants:
            start = time.perf_counter()
            volume = dataset.early(participant)[0].copy()
            reading += time.perf_counter() - start
            yield volume

    start, read_before = time.perf_counter(), reading
    for participant, predicted in zip(participants, method.predict_all(early_volumes()), strict=True):
        yield participant, np.asarray(predicted), time.perf_counter() - start - (reading - read_before)
        start, read_before = time.perf_counter(), reading
