"""A residual U-Net in three dimensions, on slabs of slices.

Çiçek, Abdulkadir, Lienkamp, Brox, Ronneberger: 3D U-Net, MICCAI 2016, arXiv:1606.06650, for the plan; the units are
the residual ones of `networks.py`. Deviations: a slab keeps the whole axial matrix and `slab` slices, where the paper
cuts cubes; predicted slabs overlap by half and are averaged; the output is added to the early image; the
loss is L1 on the logarithmic scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import Batch, Scans, StepMethod
from petbench_regression.networks import ResidualUNet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from petbench_regression.parameters import UNet3dParameters


class UNet3d(StepMethod):
    """A slab of early slices in, the same slab of delayed slices out."""

    capturable = True
    splittable = True

    def __init__(self, parameters: UNet3dParameters) -> None:
        super().__init__(parameters)
        self.size_multiple = 2**parameters.depth
        # Rounded up, so that the slab too can be halved `depth` times.
        self.early_slices = -(-parameters.slab // self.size_multiple) * self.size_multiple
        self.delayed_slices = self.early_slices
        self.network = ResidualUNet(1, parameters.width, parameters.depth, dimensions=3)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        """Correct (batch, slices, y, x)."""
        early = scans.early
        corrected: Tensor = early + self.network(early[:, None])[:, 0]
        return corrected
