"""Predict the test participants of a fold and write the predictions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError
from petbench.methods.program.method import ProgramMethod
from petbench_datasets.images.nifti import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Method, Volume
    from petbench.runs.folder import RunFolder
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


def predict_fold(method: Method, name: str, fold: Fold, dataset: Dataset, folder: RunFolder) -> float:
    """Write the prediction of every test participant, in SUV, and return the mean seconds that one took.

    Raises:
        PluginError: a prediction has another shape, or voxels that are not finite.
    """
    spent = 0.0
    if isinstance(method, ProgramMethod):
        predictions = _predict_all(method, fold, dataset)
    else:
        predictions = _predict_each(method, fold, dataset)
    for participant, predicted, seconds in predictions:
        spent += seconds
        grid = dataset.grid(participant)
        if predicted.shape != grid.shape:
            raise PluginError(f"{name} predicted {predicted.shape} voxels for {participant}, not {grid.shape}")
        if not np.isfinite(predicted).all():
            raise PluginError(f"{name} predicted NaN or infinite voxels for {participant}; nothing was scored")
        write_image(folder.prediction(participant), predicted.astype(np.float32), grid)
    return spent / len(fold.test)


def _predict_each(method: Method, fold: Fold, dataset: Dataset) -> Iterator[tuple[str, Volume, float]]:
    """Yield each test participant with its prediction and the seconds that it took."""
    for participant in fold.test:
        early = dataset.early(participant)[0].copy()
        start = time.perf_counter()
        predicted = np.asarray(method.predict(early))
        yield participant, predicted, time.perf_counter() - start


def _predict_all(method: ProgramMethod, fold: Fold, dataset: Dataset) -> Iterator[tuple[str, Volume, float]]:
    """Yield the predictions that a program makes with one start; its start and its files are part of its time."""
    start = time.perf_counter()
    early = (dataset.early(participant)[0] for participant in fold.test)
    for participant, predicted in zip(fold.test, method.predict_all(early), strict=True):
        yield participant, predicted, time.perf_counter() - start
        start = time.perf_counter()
