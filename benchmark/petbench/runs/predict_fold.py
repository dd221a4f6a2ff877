"""Predict the test participants of a fold and write the predictions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError
from petbench_datasets.images.nifti import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import RunnableMethod, Volume
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


def predict_fold(method: RunnableMethod, name: str, fold: Fold, dataset: Dataset, folder: RunFolder) -> float:
    """Write the prediction of every test participant, in SUV, and return the mean seconds that one took.

    Raises:
        PluginError: a prediction has another shape, or voxels that are not finite.
    """
    spent = 0.0
    for participant, predicted, seconds in _timed(method, fold, dataset):
        spent += seconds
        grid = dataset.grid(participant)
        if predicted.shape != grid.shape:
            raise PluginError(f"{name} predicted {predicted.shape} voxels for {participant}, not {grid.shape}")
        if not np.isfinite(predicted).all():
            raise PluginError(f"{name} predicted NaN or infinite voxels for {participant}; nothing was scored")
        write_image(folder.prediction(participant), predicted.astype(np.float32), grid)
    return spent / len(fold.test)


def _timed(method: RunnableMethod, fold: Fold, dataset: Dataset) -> Iterator[tuple[str, Volume, float]]:
    """Yield each test participant with its prediction and the seconds it took; reading the dataset does not count.

    Where a method starts a program for all participants together, the start is part of the first one's time.
    """
    reading = 0.0

    def early_volumes() -> Iterator[Volume]:
        nonlocal reading
        for participant in fold.test:
            start = time.perf_counter()
            volume = dataset.early(participant)[0].copy()
            reading += time.perf_counter() - start
            yield volume

    start, read_before = time.perf_counter(), reading
    for participant, predicted in zip(fold.test, method.predict_all(early_volumes()), strict=True):
        yield participant, np.asarray(predicted), time.perf_counter() - start - (reading - read_before)
        start, read_before = time.perf_counter(), reading
