"""Errors on the validation participants during training: which weights they choose, and when they end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.training.checkpoint import snapshot
from petbench.training.example_image import example_slice
from petbench.training.prediction_errors import mean_of, prediction_errors, rough_body
from petbench.training.sampling import predict_volume
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import Volume
    from petbench.step_method import StepMethod
    from petbench.step_parameters import StepParameters
    from petbench.training.network_execution import NetworkExecution
    from petbench.training.runnable_method import Pairs


class Validator:
    """Predicts the validation participants `times` in a budget; never sees another participant.

    These values choose weights, end a training that no longer improves, and show how it goes. They are no scores:
    scores are made from files, elsewhere.

    Args:
        method: that trains.
        execution: of its networks.
        pairs: of the validation participants.
        chosen: how often they are validated, which weights predict, and when training ends early.

    Attributes:
        example: slice of the first participant as it was predicted last, (y, x) in SUV; None before that.

    Raises:
        DataError: the validation participants are to decide something, and there are none.
    """

    def __init__(
        self,
        method: StepMethod,
        execution: NetworkExecution,
        pairs: Pairs,
        chosen: StepParameters,
    ) -> None:
        self._method = method
        self._execution = execution
        self._pairs = pairs
        if not len(pairs) and (chosen.patience or chosen.selection == "best"):
            raise DataError("nobody validates in this fold: patience and selection=best have nothing to decide by")
        self._times = chosen.validations if len(pairs) else 0
        self._selection = chosen.selection
        self._patience = chosen.patience
        self._tolerance = chosen.patience_tolerance
        self.example: Volume | None = None
        self._done = 0
        self._waited = 0
        self._improved_mae = float("inf")
        self._best: dict[str, Any] | None = None
        self._best_mae = float("inf")

    def due(self, fraction: float) -> bool:
        """Return whether the next share of the budget is through."""
        return int(fraction * self._times + 1e-9) > self._done

    @property
    def no_longer_improves(self) -> bool:
        """Whether so many validations have gone by without an improvement that training ends."""
        return bool(self._patience) and self._waited >= self._patience

    def validate(self) -> dict[str, object]:
        """Return the errors of the predictions, means over the participants, and what was clipped.

        `clipped` is the share of the targets' voxels in the body that the intensity map cannot give back, and on which
        no network can be right.
        """
        self._done += 1
        rows: list[dict[str, float]] = []
        for scan, delayed in self._pairs:
            early = scan.early
            with self._execution.predicting():
                predicted = predict_volume(self._method, scan)
            if not rows:
                self.example = predicted[example_slice(early)]
            target = torch.from_numpy(delayed[rough_body(early, delayed)].astype(np.float64))
            clipped = self._method.intensity.clipped_share(target)
            rows.append(prediction_errors(early, delayed, predicted) | {"clipped": clipped})
        means = mean_of(rows)
        improved = means["mae_suv"] < self._improved_mae * (1.0 - self._tolerance)
        self._waited = 0 if improved else self._waited + 1
        self._improved_mae = means["mae_suv"] if improved else self._improved_mae
        if self._selection == "best" and means["mae_suv"] < self._best_mae:
            self._best_mae = means["mae_suv"]
            self._best = snapshot(dict(self._method.state_dict()))
        return dict(means)

    def select(self) -> dict[str, object]:
        """Put the chosen weights into the method and say which they are."""
        if self._best is None:
            return {"rule": "last"}
        self._method.load_state_dict(self._best)
        return {"rule": "best", "mae_suv": self._best_mae}

    def state(self) -> dict[str, Any]:
        """Return what a resumed training must know."""
        return {
            "done": self._done,
            "best": self._best,
            "best_mae": self._best_mae,
            "waited": self._waited,
            "improved_mae": self._improved_mae,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self._done, self._best, self._best_mae = int(state["done"]), state["best"], float(state["best_mae"])
        self._waited, self._improved_mae = int(state["waited"]), float(state["improved_mae"])
