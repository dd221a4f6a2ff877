"""dilated-cnn: stacked dilated convolutions that correct the early image, trained step by step."""

from torch import nn
from torch.nn import functional

from petbench import StepMethod


class DilatedCnn(StepMethod):
    """The field of view grows with the dilation, 1 to 8 voxels, while the image keeps its size: no halving, no padding.

    After Yu and Koltun, Multi-Scale Context Aggregation by Dilated Convolutions, ICLR 2016, arXiv:1511.07122.
    """

    def __init__(self, parameters):
        super().__init__(parameters)
        width = parameters.width
        layers = [nn.Conv2d(1, width, 3, padding=1), nn.GELU()]
        for dilation in (2, 4, 8):
            layers += [nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation), nn.GELU()]
        self.network = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))

    def training_step(self, batch):
        """Return the L1 distance to the delayed image."""
        return {"l1": functional.l1_loss(self.translate(batch), batch.delayed)}

    def translate(self, scans):
        """Predict delayed images from early ones, both (batch, 1, y, x)."""
        return scans.early + self.network(scans.early)
