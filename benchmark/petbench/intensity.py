"""The fixed, invertible map between SUV and the interval [-1, 1] that networks work in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

AIR = -1.0
"""What SUV 0 maps to; the value outside every image."""

MARGIN = 1.25
"""How far the map reaches beyond the highest SUV of the images that it is chosen for."""

ROUNDED_TO_SUV = 10.0
"""The end of a chosen map is rounded up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class IntensityMap:
    """x = 2 log(1 + SUV) / log(1 + suv_clip) - 1.

    The logarithm gives muscle and fat a share of [-1, 1] that a linear window would leave to the bladder alone. The map
    is the same for all images of a run, and kept with its model: a maximum taken from a target is unknown when a new
    scan comes.

    Attributes:
        suv_clip: the SUV that 1 stands for.
    """

    suv_clip: float = 100.0

    def to_unit(self, suv: Tensor) -> Tensor:
        """Map SUV into [-1, 1]; values outside [0, suv_clip] are clipped (see `clipped_share`)."""
        return torch.log1p(suv.clamp(0.0, self.suv_clip)) * (2.0 / math.log1p(self.suv_clip)) - 1.0

    def to_suv(self, unit: Tensor) -> Tensor:
        """Map [-1, 1] back to SUV; values outside are clipped."""
        return torch.expm1((unit.clamp(-1.0, 1.0) + 1.0) * (0.5 * math.log1p(self.suv_clip)))

    def clipped_share(self, suv: Tensor) -> float:
        """Return the share of voxels that the map cannot give back, because they lie outside its range."""
        return float(((suv < 0.0) | (suv > self.suv_clip)).double().mean())


def clip_for(maximum_suv: float, intensity_jitter: float = 0.0) -> float:
    """Return where the map of a run ends, so that it clips none of the images that it is chosen for.

    Args:
        maximum_suv: the highest SUV of the training and validation images.
        intensity_jitter: of the training, which multiplies SUV by up to exp of this.

    Returns:
        The highest SUV with a quarter more, times exp(intensity_jitter), rounded up to a multiple of 10.
    """
    needed = MARGIN * maximum_suv * math.exp(intensity_jitter)
    return max(1.0, math.ceil(needed / ROUNDED_TO_SUV)) * ROUNDED_TO_SUV
