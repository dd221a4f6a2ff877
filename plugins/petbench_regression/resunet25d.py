"""A residual U-Net that looks at neighbouring slices and corrects the middle one.

Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net, IEEE GRSL 2018, arXiv:1711.10684, for the residual units and
the plan of the network. Deviations: the input is 2.5-dimensional (`neighbours` slices on either side), which steadies
the result along z; doubling is by nearest neighbour and convolution, which leaves no checkerboard (Odena et al.,
Distill 2016); the output is added to the early image and starts at 0, so that training starts from `identity`; the
loss is L1 on the logarithmic scale.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from petbench import Batch, StepMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_regression.settings import ResUNet25dParameters


class ResUNet25d(StepMethod):
    """Several early slices in, one delayed slice out."""

    def __init__(self, parameters: ResUNet25dParameters) -> None:
        super().__init__(parameters)
        self.early_slices = 2 * parameters.neighbours + 1
        self.size_multiple = 2**parameters.depth
        self.network = ResidualUNet(self.early_slices, parameters.width, parameters.depth)

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.translate(batch.early) - batch.delayed).abs().mean()}

    def translate(self, early: torch.Tensor) -> torch.Tensor:
        """Correct the middle of (batch, slices, y, x)."""
        middle = self.early_slices // 2
        corrected: torch.Tensor = early[:, middle : middle + 1] + self.network(early)
        return corrected


class ResidualUNet(nn.Module):
    """A U-Net of residual units; the last layer starts at 0."""

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [width * min(8, 2**level) for level in range(depth + 1)]
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(ResidualUnit(outer, inner, stride=2) for outer, inner in pairwise(widths))
        self.up = nn.ModuleList(
            ResidualUnit(inner + outer, outer) for outer, inner in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Turn (batch, channels, y, x) into a correction (batch, 1, y, x)."""
        features = self.first(image)
        skips = []
        for unit in self.down:
            skips.append(features)
            features = unit(features)
        for unit in self.up:
            features = functional.interpolate(features, scale_factor=2.0)
            features = unit(torch.cat([features, skips.pop()], dim=1))
        correction: torch.Tensor = self.last(features)
        return correction


class ResidualUnit(nn.Module):
    """Norm, ReLU, convolution, twice, and a 1x1 convolution around them (pre-activation, as in the paper)."""

    def __init__(self, inner: int, outer: int, stride: int = 1) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, 3, padding=1),
        )
        self.around = nn.Conv2d(inner, outer, 1, stride=stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Turn (batch, inner, y, x) into (batch, outer, y / stride, x / stride)."""
        output: torch.Tensor = self.main(features) + self.around(features)
        return output
