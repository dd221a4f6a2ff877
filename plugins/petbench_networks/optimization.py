"""What the methods of this package share: one network, and how it is optimized."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench import Optimization, StepMethod, schedules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_networks.parameters import NetworkParameters


class NetworkMethod(StepMethod):
    """A method of one network.

    Attributes:
        network: that is trained.
    """

    network: torch.nn.Module

    def __init__(self, parameters: NetworkParameters) -> None:
        super().__init__(parameters)
        self._chosen = parameters

    def optimizers(self) -> Mapping[str, Optimization]:
        """Return AdamW for the network."""
        return {"network": adamw(self.network, self._chosen)}

    def middle(self, early: torch.Tensor) -> torch.Tensor:
        """Return of (batch, early_slices, y, x) the slices that are predicted, as they are in the early image."""
        first = (self.early_slices - self.delayed_slices) // 2
        return early[:, first : first + self.delayed_slices]


def adamw(network: torch.nn.Module, chosen: NetworkParameters) -> Optimization:
    """Return AdamW (Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101), warmed up, clipped, its weights averaged."""
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=chosen.learning_rate,
        betas=(chosen.beta1, chosen.beta2),
        weight_decay=chosen.weight_decay,
        fused=True,
    )
    return Optimization(
        optimizer,
        schedule=schedules.linear_decay(chosen.decay_start, warm_up=chosen.warm_up),
        clip_norm=chosen.clip_norm,
        average=chosen.average or None,
    )


def start_at_zero(layer: torch.nn.Module) -> None:
    """Let a last layer give 0 before it is trained, so that a network that corrects its input starts from the input."""
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
