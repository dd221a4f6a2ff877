"""A training step recorded once as a CUDA graph and replayed: the host launches one graph, not hundreds of kernels.

At 128 x 128 voxels a GPU has done a kernel's work before the host has launched the next one. A graph holds all kernels
of a step, backward passes and optimizers included, and fixed addresses: a batch is copied to where the recorded step
reads it, and all that changes from step to step is changed in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench.errors import PluginError, plain_line
from petbench.step_method import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP_STEPS = 3
"""Steps taken as written before one is recorded: cuDNN chooses, optimizers make their state, compilers compile."""


class StepGraph:
    """Takes steps on a CUDA device: the first few as written, all others by replaying what one of them launched.

    Every call is one step of the training, the recorded one too: recording runs nothing, and the replay after it does.

    Args:
        step: one step; the same kernels on the same addresses whatever the batch holds.
    """

    def __init__(self, step: Callable[[Batch], None]) -> None:
        self._step = step
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call] # torch does not type it
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: Batch | None = None
        self._steps = 0

    def __call__(self, batch: Batch) -> None:
        """Take one step.

        Raises:
            PluginError: the step cannot be recorded.
        """
        self._steps += 1
        if self._steps <= WARM_UP_STEPS:
            self._as_written(batch)
            return
        if self._graph is None:
            self._record(batch)
        assert self._graph is not None, "recorded just now"
        assert self._batch is not None, "recorded just now"
        self._batch.early.copy_(batch.early)
        self._batch.delayed.copy_(batch.delayed)
        for name, value in batch.inputs.items():
            self._batch.inputs[name].copy_(value)
        self._graph.replay()

    def _as_written(self, batch: Batch) -> None:
        """Step on the stream that is recorded later: gradients are bound to the stream of their first step."""
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            self._step(batch)
        here.wait_stream(self._stream)

    def _record(self, batch: Batch) -> None:
        inputs = {name: value.clone() for name, value in batch.inputs.items()}
        self._batch = Batch(batch.early.clone(), batch.delayed.clone(), inputs=inputs)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                self._step(self._batch)
        except RuntimeError as error:
            raise PluginError(
                f"a training step cannot be recorded as a CUDA graph ({plain_line(str(error), 200)}); "
                "leave out `capturable = True`, or run with --cuda-graphs off"
            ) from error
        self._graph = graph
