"""A method that writes the four verbs itself, with what the harness asks of every method beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import PluginError, given_by
from petbench.training.runnable_method import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Method, RunContext, TrainingData, Volume
    from petbench.scan import Scan
    from petbench.training.runnable_method import HarnessOnly, Keep


class PlainMethod:
    """Implements `petbench.training.runnable_method.RunnableMethod` for an author's `Method`.

    Where that is a torch module too, it moves to the device and its trained weights are counted. Anything else stays on
    the CPU, and the numbers in its state are counted.

    Attributes:
        validates: never while it trains: its loop is the author's.
    """

    validates = False

    def __init__(self, method: Method) -> None:
        self._method = method
        self._module = method if isinstance(method, torch.nn.Module) else None

    def why_not_shared(self, device: torch.device) -> str:  # noqa: ARG002 - on no device
        """Say that its training is the author's own."""
        return f"{type(self._method).__name__} trains by itself: only the steps of a StepMethod can be shared"

    def fit(self, data: TrainingData, run: RunContext, own: HarnessOnly = NOTHING) -> None:  # noqa: ARG002
        """Learn as the author wrote it, from nothing but `data` and `run`."""
        self._method.fit(data, run)

    def predict(self, scan: Scan) -> Volume:
        """Predict one participant's delayed volume in SUV, shape (z, y, x)."""
        return self._method.predict(scan)

    def predict_all(self, scans: Iterable[Scan], keep: Keep | None = None) -> Iterator[Volume]:
        """Predict one participant after the other; samples are what the author's `samples` gives.

        Raises:
            PluginError: samples are to be kept, and the method has no `samples`.
        """
        draw = getattr(self._method, "samples", None)
        if keep is not None and not callable(draw):
            raise PluginError(f"{type(self._method).__name__} has no samples(scan), which gives what is to be kept")
        for scan in scans:
            if keep is not None and draw is not None:
                with given_by(draw):
                    drawn = draw(scan.copy())
                    if not isinstance(drawn, Iterable):
                        raise PluginError(
                            f"samples() returned {type(drawn).__name__}; it gives one volume after another"
                        )
                    for sample in drawn:
                        keep(sample)
            yield self.predict(scan)

    def state_dict(self) -> dict[str, Any]:
        """Return the author's state."""
        return dict(self._method.state_dict())

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Take back the author's state."""
        self._method.load_state_dict(state)

    def to(self, device: torch.device) -> None:
        """Move a torch module to a device."""
        if self._module is not None:
            self._module.to(device)

    def parameter_count(self) -> int:
        """Return how many numbers were learnt."""
        if self._module is not None:
            return sum(parameter.numel() for parameter in self._module.parameters())
        return _count(self._method.state_dict())


def _count(value: object) -> int:
    """Count the numbers in a state, however deep they lie."""
    if isinstance(value, torch.Tensor):
        return value.numel()
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_count, value))
    return int(isinstance(value, (int, float)) and not isinstance(value, bool))
