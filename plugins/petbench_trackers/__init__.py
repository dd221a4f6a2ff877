"""Trackers of runs, as observers: TensorBoard, MLflow and Weights & Biases. Each needs its own package.

None sends anything anywhere unless its user's own settings say so: TensorBoard writes files, MLflow writes a local
store, Weights & Biases is offline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import ObserverSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench import RunEvent


def _tensorboard(folder: Path) -> Callable[[RunEvent], object]:
    from petbench_trackers.tensorboard import TensorBoard

    return TensorBoard(folder)


def _mlflow(folder: Path) -> Callable[[RunEvent], object]:
    from petbench_trackers.mlflow import Mlflow

    return Mlflow(folder)


def _wandb(folder: Path) -> Callable[[RunEvent], object]:
    from petbench_trackers.wandb import WeightsAndBiases

    return WeightsAndBiases(folder)


@hookimpl
def petbench_observers() -> list[ObserverSpec]:
    """Return the trackers, whether the packages that they need are installed or not."""
    return [
        ObserverSpec(
            name="tensorboard",
            summary="event files for TensorBoard",
            build=_tensorboard,
            imports=("tensorboard",),
            install="petbench[tensorboard]",
        ),
        ObserverSpec(
            name="mlflow",
            summary="an MLflow store, on this machine unless MLFLOW_TRACKING_URI says otherwise",
            build=_mlflow,
            imports=("mlflow",),
            install="petbench[mlflow]",
        ),
        ObserverSpec(
            name="wandb",
            summary="Weights & Biases, offline unless WANDB_MODE says otherwise",
            build=_wandb,
            imports=("wandb",),
            install="petbench[wandb]",
        ),
    ]
