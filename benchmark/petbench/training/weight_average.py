"""An exponential moving average of weights, which validates and predicts in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn


class WeightAverage:
    """The average of some weights over the steps of their optimizer.

    The decay rises to its own value from a small one, (1 + n) / (10 + n) after n steps, so that the first, random
    weights are soon forgotten. Everything is changed in place on the device: a step can be replayed as a CUDA graph.

    Args:
        weights: on their device.
        decay: what is left of the average at each step, below 1.
    """

    def __init__(self, weights: Sequence[nn.Parameter], decay: float) -> None:
        self._weights: list[Tensor] = list(weights)
        self._decay = decay
        self._average = [weight.detach().clone() for weight in weights]
        self._steps = torch.zeros((), device=weights[0].device)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights as they are now."""
        moved = 1.0 - torch.clamp((1.0 + self._steps) / (10.0 + self._steps), max=self._decay)
        away = torch._foreach_sub(self._weights, self._average)
        torch._foreach_mul_(away, moved)
        torch._foreach_add_(self._average, away)
        self._steps.add_(1.0)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their average, in place."""
        for weight, average in zip(self._weights, self._average, strict=True):
            kept = weight.detach().clone()
            weight.copy_(average)
            average.copy_(kept)

    def state(self) -> dict[str, Any]:
        """Return what a resumed training must know."""
        return {"average": self._average, "steps": self._steps}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        for average, saved in zip(self._average, state["average"], strict=True):
            average.copy_(saved)
        self._steps.copy_(state["steps"])
