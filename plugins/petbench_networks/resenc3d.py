"""A residual-encoder U-Net in three dimensions, its L1 loss taken in the body.

Isensee, Wald, Ulrich et al.: nnU-Net Revisited, MICCAI 2024, arXiv:2404.09556, for the residual encoder; the network
is MONAI's `DynUNet` with residual blocks. That the loss looks at the body and hardly at the air is the idea of nnsyn,
first of SynthRAD2025 in MR to CT. Deviations: no anatomical perception loss, which needs a segmentation network; a slab
keeps the whole axial matrix; the output is added to the early image; predicted slabs overlap by half and are averaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from monai.networks.nets import DynUNet

from petbench_networks.optimization import NetworkMethod, start_at_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import Batch, Scans
    from petbench_networks.parameters import ResEnc3dParameters

WIDEST = 320
"""nnU-Net's largest number of channels in three dimensions."""

AIR_SUV = 0.1
"""Below this in both images a voxel is air."""


class ResEnc3d(NetworkMethod):
    """A slab of early slices in, the same slab of delayed slices out."""

    splittable = False  # the loss is divided by the weight of the body in the whole batch, not in each image

    def __init__(self, parameters: ResEnc3dParameters) -> None:
        super().__init__(parameters)
        self.chosen = parameters
        halved = 2**parameters.depth
        self.size_multiple = 2 * halved  # instance norm needs more than one position after the last halving
        # Rounded up, so that the slab too can be halved `depth` times.
        self.early_slices = -(-parameters.slab // halved) * halved
        self.delayed_slices = self.early_slices
        levels = range(parameters.depth + 1)
        strides = [1] + [2] * parameters.depth
        self.network = DynUNet(
            spatial_dims=3,
            in_channels=1,
            out_channels=1,
            kernel_size=[3 for _ in levels],
            strides=strides,
            upsample_kernel_size=strides[1:],
            filters=[min(WIDEST, parameters.width * 2**level) for level in levels],
            norm_name=("INSTANCE", {"affine": True}),
            res_block=True,
        )
        start_at_zero(self.network.output_block)

    def training_step(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the mean absolute difference, voxels of air weighing little."""
        air = self.intensity.to_unit(torch.tensor(AIR_SUV, device=batch.early.device))
        body = (batch.early > air) | (batch.delayed > air)
        weight = torch.where(body, 1.0, self.chosen.air_weight)
        difference = (self.translate(batch) - batch.delayed).abs()
        return {"masked l1": (weight * difference).sum() / weight.sum()}

    def translate(self, scans: Scans) -> torch.Tensor:
        """Correct (batch, slices, y, x)."""
        early = scans.early
        corrected: torch.Tensor = early + self.network(early[:, None])[:, 0]
        return corrected
