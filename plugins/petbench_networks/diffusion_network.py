"""The network of the methods that walk from noise to an image: a U-Net that knows the time, from MONAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai.networks.nets import DiffusionModelUNet

if TYPE_CHECKING:
    from petbench_networks.parameters import DiffusionNetworkParameters

TIMES = 1000
"""Times of the walk that the network is trained at."""

LARGEST_GROUP = 32


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
