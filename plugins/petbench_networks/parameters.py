"""Parameters and presets of the networks that MONAI and segmentation-models-pytorch bring, readable without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from petbench import Choice, Range, SamplingParameters, StepParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import DatasetShape

SMALL_DATASET_VOXELS = 20_000_000
"""Training voxels below which `mini` is chosen."""


class NetworkParameters(StepParameters):
    """What the networks have in common: AdamW, a rate that is warmed up, clipped gradients, averaged weights."""

    images: int = Field(300_000, ge=1, description="training budget when none is asked for: images seen")
    learning_rate: float = Field(3e-4, gt=0, description="AdamW's step size at its highest")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW's decay of the first moment")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's decay of the weights")
    warm_up: float = Field(0.02, ge=0, lt=1, description="share of the budget in which the rate rises from 0")
    decay_start: float = Field(0.0, ge=0, le=1, description="share of the budget after which the rate falls to 0")
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradients of a step")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the average of the weights that predicts; 0: none")
    norm_eval: Literal["auto", "running", "batch"] = Field("running", description="batch norm when predicting")


class ResEnc3dParameters(NetworkParameters):
    """Settings of `resenc3d`; a slab counts as many images as it has slices."""

    batch_size: int = Field(2, ge=1, description="slabs of one optimizer step")
    depth: int = Field(5, ge=1, le=6, description="halvings down to the bottleneck, along all three axes")
    width: int = Field(32, ge=4, le=128, description="channels at full resolution, doubled at each halving to 320")
    slab: int = Field(32, ge=2, le=256, description="slices of a slab, rounded up to a multiple of 2**depth")
    air_weight: float = Field(0.05, ge=0, le=1, description="weight of a voxel of air in the loss; in the body it is 1")


class UnetPP25dParameters(NetworkParameters):
    """Settings of `unetpp25d`."""

    neighbours: int = Field(2, ge=0, le=8, description="slices looked at on either side of the one that is predicted")
    encoder: Literal["resnet18", "resnet34", "resnet50"] = Field("resnet34", description="encoder, from scratch")
    width: int = Field(16, ge=4, le=64, description="channels of the decoder at full resolution, doubled at each level")


class SwinUNETRParameters(NetworkParameters):
    """Settings of `swinunetr`; in three dimensions a slab counts as many images as it has slices."""

    dimensions: Literal[2, 3] = Field(3, description="3: on slabs; 2: on neighbouring slices, for coarse grids")
    batch_size: int = Field(1, ge=1, description="slabs, or slices, of one optimizer step")
    slab: int = Field(32, ge=32, le=256, description="slices of a slab in three dimensions, rounded up to 32")
    neighbours: int = Field(2, ge=0, le=8, description="slices looked at on either side in two dimensions")
    width: int = Field(24, ge=12, le=96, multiple_of=12, description="features of the first level")


class DiffusionNetworkParameters(NetworkParameters, SamplingParameters):
    """What the methods have in common that walk from noise to an image with a network that knows the time."""

    neighbours: int = Field(2, ge=0, le=8, description="slices looked at on either side of the one that is predicted")
    width: int = Field(64, ge=8, le=256, multiple_of=8, description="channels at full resolution, doubled twice")
    levels: int = Field(4, ge=2, le=5, description="resolutions of the network, the coarsest with attention")
    blocks: int = Field(2, ge=1, le=4, description="residual blocks at each resolution")


class RectifiedFlowParameters(DiffusionNetworkParameters):
    """Settings of `rectified-flow`."""

    steps: int = Field(10, ge=1, le=1000, description="steps from the early to the delayed image when predicting")
    noise: float = Field(0.05, gt=0, le=1, description="deviation of the noise at the early end, in units of [-1, 1]")


class Ddpm25dParameters(DiffusionNetworkParameters):
    """Settings of `ddpm25d`."""

    steps: int = Field(25, ge=1, le=1000, description="DDIM steps from noise to the image when predicting")
    # The deviation of delayed minus early in the body of fdg-phantom-60 is 0.06 to 0.07.
    gain: float = Field(15.0, gt=0, description="the diffused image is delayed minus early, times this")


SMALL: Mapping[str, object] = {"learning_rate": 1e-3, "batch_size": 4, "shift_voxels": 4, "images": 12_000}
"""For coarse grids and two CPU cores, as the other networks of petbench have it (docs/default-settings.md)."""

SMALL_DIFFUSION: Mapping[str, object] = {**SMALL, "width": 16, "levels": 3, "blocks": 1, "steps": 5, "validations": 1}
"""Prediction walks through the network `steps` times, so that a validation costs as many times more."""

FULL: Mapping[str, object] = {}

RESENC3D: Mapping[str, Mapping[str, object]] = {
    "mini": {**SMALL, "width": 16, "depth": 2, "slab": 4, "batch_size": 2},
    "full": FULL,
}
UNETPP25D: Mapping[str, Mapping[str, object]] = {"mini": SMALL, "full": FULL}
SWINUNETR: Mapping[str, Mapping[str, object]] = {"mini": {**SMALL, "dimensions": 2}, "full": FULL}
RECTIFIED_FLOW: Mapping[str, Mapping[str, object]] = {"mini": SMALL_DIFFUSION, "full": FULL}
DDPM25D: Mapping[str, Mapping[str, object]] = {"mini": SMALL_DIFFUSION, "full": FULL}

SEARCH: Mapping[str, Range | Choice] = {
    "learning_rate": Range(1e-4, 1e-2, log=True),
    "batch_size": Choice((1, 2, 4, 8)),
    "weight_decay": Range(1e-4, 1e-1, log=True),
    "average": Choice((0.0, 0.99, 0.999)),
    "shift_voxels": Range(0, 12),
    "intensity_jitter": Range(0.0, 0.5),
}
"""What `petbench tune` tries: how a network learns, and not its size, which is bought and not found."""

SEARCH_RESENC3D: Mapping[str, Range | Choice] = {**SEARCH, "air_weight": Range(0.0, 1.0)}
SEARCH_FLOW: Mapping[str, Range | Choice] = {**SEARCH, "noise": Range(0.01, 0.5, log=True)}
SEARCH_DDPM: Mapping[str, Range | Choice] = {**SEARCH, "gain": Range(3.0, 50.0, log=True)}


def choose_preset(shape: DatasetShape) -> str:
    """Return `mini` for a small dataset, else `full`."""
    voxels = shape.slices * shape.matrix[0] * shape.matrix[1]
    return "mini" if voxels < SMALL_DATASET_VOXELS else "full"
