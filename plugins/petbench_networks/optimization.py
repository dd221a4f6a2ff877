"""How all networks of this package are optimized."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench import Optimization, schedules

if TYPE_CHECKING:
    from petbench_networks.parameters import NetworkParameters


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
