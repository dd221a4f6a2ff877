"""What the methods share that walk from noise to an image: a U-Net that knows the time, from MONAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from monai.networks.nets import DiffusionModelUNet

from petbench_networks.optimization import NetworkMethod

if TYPE_CHECKING:
    from petbench_networks.parameters import DiffusionNetworkParameters

TIMES = 1000
"""Times of the walk that the network is trained at."""

LARGEST_GROUP = 32


class DiffusionMethod(NetworkMethod):
    """Several early slices in, one delayed slice out, which is drawn."""

    draws = True
    splittable = True

    def __init__(self, parameters: DiffusionNetworkParameters) -> None:
        super().__init__(parameters)
        self.early_slices = 2 * parameters.neighbours + 1
        self.size_multiple = 2 ** (parameters.levels - 1)
        self.network = diffusion_network(parameters, self.early_slices + 1)

    def velocity(self, point: torch.Tensor, early: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Return where a point of the walk goes at its time, given the early slices; shape (batch, 1, y, x)."""
        found: torch.Tensor = self.network(torch.cat([point, early], dim=1), times)
        return found


def diffusion_network(chosen: DiffusionNetworkParameters, channels: int) -> DiffusionModelUNet:
    """Return a network from (batch, channels, y, x) and (batch,) times to (batch, 1, y, x).

    Channels double at the first two halvings; attention is at the coarsest resolution alone. Dhariwal, Nichol:
    Diffusion Models Beat GANs, NeurIPS 2021, arXiv:2105.05233, for the plan.
    """
    widths = [chosen.width * 2 ** min(2, level) for level in range(chosen.levels)]
    return DiffusionModelUNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=1,
        num_res_blocks=chosen.blocks,
        channels=widths,
        attention_levels=[False] * (chosen.levels - 1) + [True],
        norm_num_groups=min(LARGEST_GROUP, chosen.width),
        num_head_channels=min(64, widths[-1]),
    )
