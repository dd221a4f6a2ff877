"""The losses that pix2pix and CycleGAN share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_gan.parameters import GanLoss


def adversarial_loss(logits: torch.Tensor, kind: GanLoss, *, real: bool) -> torch.Tensor:
    """Return how far a map of logits is from saying `real` (1) or fake (0), averaged over patches.

    `vanilla` is the cross-entropy of Goodfellow et al. 2014, `lsgan` the squared distance of Mao et al. 2017.
    """
    target = torch.full_like(logits, float(real))
    if kind == "lsgan":
        return functional.mse_loss(logits, target)
    return functional.binary_cross_entropy_with_logits(logits, target)


def feature_matching_loss(predicted: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean absolute difference of activations, averaged over layers (pix2pixHD, Wang et al. 2018)."""
    distances = [(a - b.detach()).abs().mean() for a, b in zip(predicted, target, strict=True)]
    return torch.stack(distances).mean()
