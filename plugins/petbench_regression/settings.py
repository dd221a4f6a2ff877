"""Parameters and presets of the regression networks, readable without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from petbench import StepParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import CohortShape

SMALL_COHORT_VOXELS = 20_000_000
"""Training voxels below which `mini` is chosen."""


class ResUNet25dParameters(StepParameters):
    """Settings of `resunet25d`."""

    images: int = Field(300_000, ge=1, description="training budget when none is asked for: images seen")
    beta1: float = Field(0.9, ge=0, lt=1, description="Adam's decay of the first moment")
    learning_rate: float = Field(5e-4, gt=0, description="Adam's step size before it decays")
    decay_start: float = Field(0.0, ge=0, le=1, description="share of the budget after which the rate falls to 0")
    neighbours: int = Field(2, ge=0, le=8, description="slices looked at on either side of the one that is drawn")
    depth: int = Field(4, ge=1, le=7, description="halvings down to the bottleneck")
    width: int = Field(32, ge=4, le=256, description="channels at full resolution, doubled three times")


RESUNET25D_PRESETS: Mapping[str, Mapping[str, object]] = {
    "mini": {"width": 12, "depth": 3, "learning_rate": 2e-3, "shift_voxels": 4, "images": 6_000},
    "full": {},
}


def choose_preset(shape: CohortShape) -> str:
    """Return `mini` for a small cohort, else `full`."""
    voxels = shape.slices * shape.matrix[0] * shape.matrix[1]
    return "mini" if voxels < SMALL_COHORT_VOXELS else "full"
