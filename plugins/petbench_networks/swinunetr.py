"""A U-shaped network whose encoder is a hierarchical transformer with shifted windows.

Hatamizadeh, Nath, Tang, Yang, Roth, Xu: Swin UNETR, BrainLes 2021, LNCS 12962:272-284, arXiv:2201.01266. The network is
MONAI's. Deviations: trained from scratch; the output is added to the early image; the loss is L1 on the logarithmic
scale; a slab keeps the whole axial matrix; with `dimensions=2` it looks at neighbouring slices, which suits grids too
coarse to be halved five times along z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai.networks.nets import SwinUNETR as MonaiSwinUNETR

from petbench_networks.optimization import NetworkMethod, start_at_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from petbench import Batch, Scans
    from petbench_networks.parameters import SwinUNETRParameters

HALVED = 32
"""The network halves five times; its instance norm needs more than one position after that."""


class SwinUNETR(NetworkMethod):
    """A slab of slices in and out; in two dimensions, several early slices in and one delayed slice out."""

    size_multiple = 2 * HALVED
    splittable = True

    def __init__(self, parameters: SwinUNETRParameters) -> None:
        super().__init__(parameters)
        self.chosen = parameters
        if parameters.dimensions == 3:
            self.early_slices = self.delayed_slices = -(-parameters.slab // HALVED) * HALVED
        else:
            self.early_slices = 2 * parameters.neighbours + 1
        self.network = MonaiSwinUNETR(
            in_channels=1 if parameters.dimensions == 3 else self.early_slices,
            out_channels=1,
            feature_size=parameters.width,
            spatial_dims=parameters.dimensions,
        )
        start_at_zero(self.network.out)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        """Correct (batch, slices, y, x), or its middle in two dimensions."""
        early = scans.early
        if self.chosen.dimensions == 3:
            corrected: Tensor = early + self.network(early[:, None])[:, 0]
        else:
            corrected = self.middle(early) + self.network(early)
        return corrected
