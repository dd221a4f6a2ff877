"""A residual U-Net in two or three dimensions.

Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net, IEEE GRSL 2018, arXiv:1711.10684, for the residual units and
the plan. Deviations: doubling is by nearest neighbour before a convolution, which leaves no checkerboard (Odena et
al., Distill 2016), and the last layer starts at 0, so that a network that corrects its input starts from the input.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Dimensions = Literal[2, 3]


class ResidualUNet(nn.Module):
    """A U-Net of residual units; the last layer starts at 0.

    Args:
        channels: of the input; the output has one.
        width: channels at full resolution, doubled at each of the first three levels.
        depth: halvings; the matrix is a multiple of 2**depth along every axis.
        dimensions: 2 for (batch, channel, y, x), 3 for (batch, channel, z, y, x).
    """

    def __init__(self, channels: int, width: int, depth: int, dimensions: Dimensions = 2) -> None:
        super().__init__()
        convolution = nn.Conv2d if dimensions == 2 else nn.Conv3d
        widths = [width * min(8, 2**level) for level in range(depth + 1)]
        levels = list(pairwise(widths))
        self.first = convolution(channels, width, 3, padding=1)
        self.down = nn.ModuleList(ResidualUnit(outer, inner, dimensions, stride=2) for outer, inner in levels)
        self.up = nn.ModuleList(ResidualUnit(inner + outer, outer, dimensions) for outer, inner in reversed(levels))
        self.last = convolution(width, 1, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Turn (batch, channels, …) into a correction (batch, 1, …)."""
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

    def __init__(self, inner: int, outer: int, dimensions: Dimensions, stride: int = 1) -> None:
        super().__init__()
        convolution = nn.Conv2d if dimensions == 2 else nn.Conv3d
        norm = nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm3d
        self.main = nn.Sequential(
            norm(inner),
            nn.ReLU(),
            convolution(inner, outer, 3, stride=stride, padding=1, bias=False),
            norm(outer),
            nn.ReLU(),
            convolution(outer, outer, 3, padding=1),
        )
        self.around = convolution(inner, outer, 1, stride=stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Turn (batch, inner, …) into (batch, outer, …), halved if stride is 2."""
        output: torch.Tensor = self.main(features) + self.around(features)
        return output
