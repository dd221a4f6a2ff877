"""A run's context that records losses and can ask for a stop in the middle of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench.engine_settings import EngineSettings
from petbench.training.context import TrainingContext, read_losses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from petbench.contract import Budget
    from petbench.engine_settings import Precision


class RecordingContext(TrainingContext):
    """The context of a real run, on the CPU.

    Attributes:
        losses: what the method reported of each step.
    """

    def __init__(
        self, *, seed: int, budget: Budget, folder: Path, precision: Precision, stop_after: int | None
    ) -> None:
        engine = EngineSettings(precision=precision, compile="off", cuda_graphs="off")
        super().__init__(seed=seed, budget=budget, device=torch.device("cpu"), folder=folder, engine=engine)
        self.losses: list[Mapping[str, float]] = []
        self._stop_after = stop_after

    def advance(self, images: int, losses: Callable[[], Mapping[str, float]]) -> None:
        """Count images, read the losses of every step, and stop where the check wants it."""
        self.losses.append(read_losses(losses))
        super().advance(images, lambda: self.losses[-1])
        if self._stop_after is not None and self.images_seen >= self._stop_after:
            self.request_stop()

    def checkpoint(self, state: Callable[[], Mapping[str, object]], *, force: bool = False) -> None:
        """Write the checkpoint that is offered after the stop, so that there is one to resume from."""
        super().checkpoint(state, force=force or self._stop_requested)
