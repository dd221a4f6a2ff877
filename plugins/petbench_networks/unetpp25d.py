"""A nested U-Net on neighbouring slices, with a residual network as its encoder.

Zhou, Siddiquee, Tajbakhsh, Liang: UNet++, IEEE TMI 2020;39(6):1856-1867, arXiv:1912.05074; He, Zhang, Ren, Sun: Deep
Residual Learning, CVPR 2016, arXiv:1512.03385, for the encoder. On neighbouring slices it was third of SynthRAD2025
Task 2. The network is that of segmentation-models-pytorch. Deviations: the encoder is trained from scratch, not on
ImageNet; the output is added to the early image; the loss is L1 on the logarithmic scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import Batch, Scans, import_torchvision
from petbench_networks.optimization import NetworkMethod, start_at_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from petbench_networks.parameters import UnetPP25dParameters

LEVELS = 5


class UnetPP25d(NetworkMethod):
    """Several early slices in, one delayed slice out."""

    size_multiple = 2**LEVELS
    splittable = True

    def __init__(self, parameters: UnetPP25dParameters) -> None:
        super().__init__(parameters)
        import_torchvision()  # which segmentation-models-pytorch imports
        import segmentation_models_pytorch as smp

        self.early_slices = 2 * parameters.neighbours + 1
        network = smp.UnetPlusPlus(
            encoder_name=parameters.encoder,
            encoder_depth=LEVELS,
            encoder_weights=None,
            decoder_channels=[parameters.width * 2**level for level in reversed(range(LEVELS))],
            in_channels=self.early_slices,
            classes=1,
        )
        start_at_zero(network.segmentation_head)
        self.network = network

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        """Correct the middle of (batch, slices, y, x)."""
        corrected: Tensor = self.middle(scans.early) + self.network(scans.early)
        return corrected
