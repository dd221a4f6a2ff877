"""pix2pix's generator trained by its L1 term alone: the difference to pix2pix is what its discriminator adds.

Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, arXiv:1505.04597; the network, its initial values and the batch norm
are those of `networks.py`, as pix2pix has them. Deviations from the 2015 U-Net are therefore pix2pix's: strided
convolutions, batch norm, one channel. Without a discriminator the loss needs no weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import Batch, Scans, StepMethod
from petbench_gan.build import make_generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from petbench_gan.parameters import UNetParameters


class UNetRegression(StepMethod):
    """A generator without a discriminator."""

    capturable = True
    splittable = True

    def __init__(self, parameters: UNetParameters) -> None:
        super().__init__(parameters)
        self.size_multiple = parameters.size_multiple
        self.generator = make_generator(parameters)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.generator(batch.early) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        """Predict the delayed image."""
        delayed: Tensor = self.generator(scans.early)
        return delayed
