"""Parameters and presets of the regression networks, readable without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from petbench import Choice, Range, StepParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import DatasetShape

SMALL_DATASET_VOXELS = 20_000_000
"""Training voxels below which `mini` is chosen."""


class RegressionParameters(StepParameters):
    """What the residual U-Nets have in common."""

    images: int = Field(300_000, ge=1, description="training budget when none is asked for: images seen")
    beta1: float = Field(0.9, ge=0, lt=1, description="Adam's decay of the first moment")
    learning_rate: float = Field(5e-4, gt=0, description="Adam's step size before it decays")
    decay_start: float = Field(0.0, ge=0, le=1, description="share of the budget after which the rate falls to 0")
    depth: int = Field(4, ge=1, le=7, description="halvings down to the bottleneck")
    width: int = Field(32, ge=4, le=256, description="channels at full resolution, doubled three times")
    # Small batches train better; the statistics of a single image predict worse than the running ones, above all
    # where a network sees many kinds of input, as `bridge` does.
    norm_eval: Literal["auto", "running", "batch"] = Field("running", description="batch norm when predicting")


class ResUNet25dParameters(RegressionParameters):
    """Settings of `resunet25d`."""

    neighbours: int = Field(2, ge=0, le=8, description="slices looked at on either side of the one that is predicted")


class BridgeParameters(RegressionParameters):
    """Settings of `bridge`."""

    steps: int = Field(10, ge=1, le=1000, description="steps from the early to the delayed image when predicting")


class UNet3dParameters(RegressionParameters):
    """Settings of `unet3d`; a slab counts as many images as it has slices."""

    images: int = Field(1_280_000, ge=1, description="training budget when none is asked for: images seen")
    batch_size: int = Field(4, ge=1, description="slabs of one optimizer step")
    depth: int = Field(3, ge=1, le=5, description="halvings down to the bottleneck, along all three axes")
    width: int = Field(16, ge=4, le=128, description="channels at full resolution, doubled three times")
    slab: int = Field(32, ge=2, le=256, description="slices of a slab, rounded up to a multiple of 2**depth")


class OrganRegressionParameters(BaseModel):
    """Settings of `organ-regression`, chosen by leaving out one after the other of those who do not test."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shrinkage: float = Field(
        10.0,
        ge=0,
        description="voxels of the whole body that count beside an organ's own: 0 leaves organs to themselves",
    )


SMALL: Mapping[str, object] = {
    "width": 8,
    "depth": 4,
    "learning_rate": 1e-3,
    "batch_size": 4,
    "shift_voxels": 4,
    "images": 12_000,
}
"""For coarse grids and two CPU cores, chosen on the validation participants of `fdg-phantom-60`
(docs/default-settings.md).

What counts is the number of optimizer steps: with 16 images a step, as many images end where the network has learnt to
smooth and not yet which organ is which.
"""

FULL: Mapping[str, object] = {}

PRESETS: Mapping[str, Mapping[str, object]] = {"mini": SMALL, "full": FULL}
"""Of `resunet25d` and `bridge`. A mini training takes about a minute and a half on two CPU cores."""

UNET3D_PRESETS: Mapping[str, Mapping[str, object]] = {
    "mini": {**SMALL, "depth": 2, "slab": 4, "batch_size": 2},  # eight slices a step
    "full": FULL,
}


SEARCH: Mapping[str, Range | Choice] = {
    "learning_rate": Range(1e-4, 1e-2, log=True),
    "batch_size": Choice((1, 2, 4, 8, 16)),
    "beta1": Choice((0.5, 0.9)),
    "decay_start": Choice((0.0, 0.5)),
    "shift_voxels": Range(0, 12),
    "intensity_jitter": Range(0.0, 0.5),
}
"""What `petbench tune` tries: how a network learns, and not its size, which is bought and not found."""

SEARCH_BRIDGE: Mapping[str, Range | Choice] = {**SEARCH, "steps": Choice((1, 5, 10, 20))}


def choose_preset(shape: DatasetShape) -> str:
    """Return `mini` for a small dataset, else `full`."""
    voxels = shape.slices * shape.matrix[0] * shape.matrix[1]
    return "mini" if voxels < SMALL_DATASET_VOXELS else "full"
