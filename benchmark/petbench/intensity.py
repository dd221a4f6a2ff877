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


@dataclass(frozen=True, slots=True)
class IntensityMap:
    """x = 2 log(1 + SUV) / log(1 + suv_clip) - 1.

    The logarithm gives muscle and fat a share of [-1, 1] that a linear window would leave to the bladder alone.
    `suv_clip` is fixed before any image is seen: a maximum taken from a target is unknown when a new scan comes.

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
