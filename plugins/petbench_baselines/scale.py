"""The early image times one factor: separates a change of level from a change of distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from petbench import PetbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import RunContext, Scan, TrainingData, Volume


class Scale:
    """Predicts factor x early, with factor = sum(early x delayed) / sum(early^2) over all training voxels in SUV."""

    def __init__(self) -> None:
        self.factor = 1.0

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002 - the contract hands it over
        """Find the factor that is best in the least-squares sense.

        Raises:
            PetbenchError: every early image is 0.
        """
        product = square = 0.0
        for scan, delayed in data.pairs():
            early_64 = scan.early.astype(np.float64).ravel()
            product += float(early_64 @ delayed.astype(np.float64).ravel())
            square += float(early_64 @ early_64)
        if square == 0.0:
            raise PetbenchError("scale: every early training image is 0; check the dataset")
        self.factor = product / square

    def predict(self, scan: Scan) -> Volume:
        """Return the scaled volume in SUV, shape (z, y, x)."""
        return scan.early * np.float32(self.factor)

    def state_dict(self) -> dict[str, Any]:
        """Return the factor."""
        return {"factor": self.factor}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back the factor."""
        self.factor = float(state["factor"])
