"""A `StepMethod` as the harness runs it: trained by the loop, predicting one participant at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.training.loop import fit
from petbench.training.prediction import translate_volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch

    from petbench.contract import RunContext, TrainingData, Volume
    from petbench.step_method import StepMethod


class StepTrainer:
    """Implements `petbench.contract.RunnableMethod` for a `StepMethod`; its state is the state of the `StepMethod`.

    Attributes:
        step_method: what the author wrote.
    """

    def __init__(self, step_method: StepMethod) -> None:
        self.step_method = step_method

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train until the budget is spent."""
        fit(self.step_method, data, run)

    def predict(self, early: Volume) -> Volume:
        """Predict one participant's delayed volume in SUV, shape (z, y, x); always in float32."""
        return translate_volume(self.step_method, early)

    def predict_all(self, early: Iterable[Volume]) -> Iterator[Volume]:
        """Predict one participant after the other."""
        return map(self.predict, early)

    def state_dict(self) -> dict[str, Any]:
        """Return weights and buffers."""
        return dict(self.step_method.state_dict())

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back weights and buffers."""
        self.step_method.load_state_dict(state)

    def to(self, device: torch.device) -> None:
        """Move weights and buffers to a device."""
        self.step_method.to(device)

    def parameter_count(self) -> int:
        """Return the number of trained weights."""
        return sum(parameter.numel() for parameter in self.step_method.parameters())
