"""The early image as it is: the score of changing nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import RunContext, Scan, TrainingData, Volume


class Identity:
    """Predicts the early image."""

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Learn nothing."""

    def predict(self, scan: Scan) -> Volume:
        """Return a copy of the early volume in SUV, shape (z, y, x)."""
        return scan.early.copy()

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: there is no state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back nothing."""
