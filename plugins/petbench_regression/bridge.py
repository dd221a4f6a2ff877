"""A bridge from the early to the delayed image, walked in a few small steps.

Delbracio, Milanfar: Inversion by Direct Iteration, TMLR 2023, arXiv:2303.11435. Between a delayed image x and its
early image y lies x_t = (1 - t) x + t y. A network learns to find x from x_t, and prediction walks from t = 1 to 0:

    x_(t-d) = (d / t) F(x_t, t) + (1 - d / t) x_t

so that each step takes a small part of what the network finds. Deviations: no noise is added (the paper's
epsilon = 0), so that a prediction repeats; the network is the residual U-Net of `networks.py`, given t as a constant
channel; the loss is L1, which the paper allows. As in the paper the network sees the point and not the early image
beside it: from both, x = (x_t - t y) / (1 - t) for every t below 1, and nothing would have to be predicted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from petbench import Batch, Scans, StepMethod
from petbench_regression.networks import ResidualUNet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_regression.parameters import BridgeParameters


class Bridge(StepMethod):
    """Many small corrections in place of one."""

    capturable = True
    splittable = True

    def __init__(self, parameters: BridgeParameters) -> None:
        super().__init__(parameters)
        self.steps = parameters.steps
        self.size_multiple = 2**parameters.depth
        self.network = ResidualUNet(2, parameters.width, parameters.depth)

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the mean absolute error of the delayed image found from a random point of the bridge."""
        time = torch.rand(len(batch.early), 1, 1, 1, device=batch.early.device)
        point = (1 - time) * batch.delayed + time * batch.early
        return {"l1": (self.find(point, time) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> torch.Tensor:
        """Walk the bridge from the early image."""
        point = early = scans.early
        for left in range(self.steps, 0, -1):
            time = early.new_full((len(early), 1, 1, 1), left / self.steps)
            point = point + (self.find(point, time) - point) / left
        return point

    def find(self, point: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Return the delayed image that a point of the bridge leads to."""
        found: torch.Tensor = point + self.network(torch.cat([point, time.expand_as(point)], dim=1))
        return found
