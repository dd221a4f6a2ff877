"""A residual U-Net that looks at neighbouring slices and corrects the middle one.

The network and its source: `networks.py`. Deviations: the input is 2.5-dimensional (`neighbours` slices on either
side), which steadies the result along z; the output is added to the early image, so that training starts from
`identity`; the loss is L1 on the logarithmic scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import Batch, Scans, StepMethod
from petbench_regression.networks import ResidualUNet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from petbench_regression.parameters import ResUNet25dParameters


class ResUNet25d(StepMethod):
    """Several early slices in, one delayed slice out."""

    capturable = True
    splittable = True

    def __init__(self, parameters: ResUNet25dParameters) -> None:
        super().__init__(parameters)
        self.early_slices = 2 * parameters.neighbours + 1
        self.size_multiple = 2**parameters.depth
        self.network = ResidualUNet(self.early_slices, parameters.width, parameters.depth)

    def training_step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean absolute difference."""
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans: Scans) -> Tensor:
        """Correct the middle of (batch, slices, y, x)."""
        early, middle = scans.early, self.early_slices // 2
        corrected: Tensor = early[:, middle : middle + 1] + self.network(early)
        return corrected
