"""The mode in which a method predicts: batch norm and dropout as its parameters say, and nothing of it left behind."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.step_method import StepMethod

RUNNING_FROM_BATCH_SIZE = 8


@contextlib.contextmanager
def evaluation_mode(method: StepMethod) -> Iterator[None]:
    """Within the block, `method` predicts and repeats itself; afterwards, every module is in the mode it was in."""
    with _modules_evaluate(method), _batch_norms(method), _dropout(method):
        yield


def normalizes_each_image(method: StepMethod) -> bool:
    """Return whether batch norm takes each image's own statistics, so that images are predicted one at a time."""
    return _uses_own_statistics(method) and bool(_norms_of(method))


@contextlib.contextmanager
def _modules_evaluate(method: StepMethod) -> Iterator[None]:
    """Within the block, every module is in evaluation mode."""
    training = {module: module.training for module in method.modules()}
    method.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode


@contextlib.contextmanager
def _batch_norms(method: StepMethod) -> Iterator[None]:
    """Within the block, batch norm has no running statistics where the method is to use each image's own."""
    norms = _norms_of(method) if _uses_own_statistics(method) else []
    running = [(norm, norm.running_mean, norm.running_var) for norm in norms]
    for norm in norms:
        norm.running_mean = norm.running_var = None  # then batch norm uses the batch, and changes nothing
    try:
        yield
    finally:
        for norm, mean, variance in running:
            norm.running_mean, norm.running_var = mean, variance


@contextlib.contextmanager
def _dropout(method: StepMethod) -> Iterator[None]:
    """Within the block, dropout is on, from a fixed seed, where the method is to keep it."""
    if not method.parameters_chosen.dropout_eval:
        yield
        return
    for module in method.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _norms_of(method: StepMethod) -> list[nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm]:
    kinds = nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm  # the last where several processes train
    return [module for module in method.modules() if isinstance(module, kinds)]


def _uses_own_statistics(method: StepMethod) -> bool:
    chosen = method.parameters_chosen
    if chosen.norm_eval == "auto":
        return chosen.batch_size < RUNNING_FROM_BATCH_SIZE
    return chosen.norm_eval == "batch"
