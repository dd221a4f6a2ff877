"""Scores of the validation participants during training, and which weights they choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from petbench.training.checkpoint import snapshot
from petbench.training.prediction import translate_volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.step_method import StepMethod
    from petbench.training.network_execution import NetworkExecution
    from petbench.training.runnable_method import Pairs


class Validator:
    """Predicts the validation participants `times` in a budget; never sees another participant.

    These values choose weights and show how training goes. They are no scores: scores are made from files, elsewhere.
    """

    def __init__(
        self,
        method: StepMethod,
        execution: NetworkExecution,
        pairs: Pairs,
        times: int,
        selection: Literal["last", "best"],
    ) -> None:
        self._method = method
        self._execution = execution
        self._pairs = pairs
        self._times = times if len(pairs) else 0
        self._selection = selection
        self._done = 0
        self._best: dict[str, Any] | None = None
        self._best_mae = float("inf")

    def due(self, fraction: float) -> bool:
        """Return whether the next share of the budget is through."""
        return int(fraction * self._times + 1e-9) > self._done

    def validate(self) -> dict[str, object]:
        """Return mean absolute error, gain and offset of the prediction against the target, and what was clipped.

        Errors and offset are in SUV, inside the body; `clipped` is the share of the targets' voxels in there that the
        intensity map cannot give back, and on which no network can be right.
        """
        self._done += 1
        rows = []
        for early, delayed in self._pairs:
            with self._execution.predicting():
                predicted = translate_volume(self._method, early)
            inside = np.maximum(early, delayed) > 0.1  # the body, roughly; air would hide every difference
            target, found = delayed[inside].astype(np.float64), predicted[inside].astype(np.float64)
            gain, offset = np.polyfit(target, found, 1) if np.ptp(target) > 0 else (np.nan, np.nan)
            clipped = self._method.intensity.clipped_share(torch.from_numpy(target))
            rows.append((np.abs(found - target).mean(), gain, offset, clipped))
        mae, gain, offset, clipped = (float(value) for value in np.mean(rows, axis=0))
        if self._selection == "best" and mae < self._best_mae:
            self._best_mae = mae
            self._best = snapshot(dict(self._method.state_dict()))
        return {"mae_suv": mae, "gain": gain, "offset_suv": offset, "clipped": clipped}

    def select(self) -> dict[str, object]:
        """Put the chosen weights into the method and say which they are."""
        if self._best is None:
            return {"rule": "last"}
        self._method.load_state_dict(self._best)
        return {"rule": "best", "mae_suv": self._best_mae}

    def state(self) -> dict[str, Any]:
        """Return what a resumed training must know."""
        return {"done": self._done, "best": self._best, "best_mae": self._best_mae}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self._done, self._best, self._best_mae = int(state["done"]), state["best"], float(state["best_mae"])
