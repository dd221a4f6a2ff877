"""The parameters of the methods, readable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from petbench import StepParameters

GanLoss = Literal["vanilla", "lsgan"]
Norm = Literal["batch", "instance", "none"]
Upsample = Literal["deconv", "resize"]


class UNetParameters(StepParameters):
    """The generator: the same defaults wherever it is used, as in the paper."""

    generator: Literal["unet", "resnet"] = Field("unet", description="kind of generator")
    depth: int = Field(7, ge=2, le=9, description="U-Net: halvings down to the bottleneck; 7 is unet_128")
    blocks: int = Field(6, ge=1, le=18, description="ResNet: residual blocks")
    width: int = Field(64, ge=4, le=256, description="generator: channels of the outermost level")
    norm: Norm = Field("batch", description="normalisation layers of generator and discriminator")
    dropout: bool = Field(True, description="0.5 dropout in the middle levels of the generator")
    upsample: Upsample = Field("deconv", description="transposed convolution, or resize and convolve")
    residual: bool = Field(False, description="generator adds to the early image with a linear output, not tanh")

    @property
    def size_multiple(self) -> int:
        """What y and x of an image must be a multiple of."""
        return 2**self.depth if self.generator == "unet" else 4


class GanParameters(UNetParameters):
    """Discriminator and adversarial loss: the same defaults for both methods, as in the paper."""

    discriminator_layers: int = Field(3, ge=1, le=5, description="PatchGAN: 1, 2, 3 see 16, 34, 70 pixels")
    discriminator_width: int = Field(64, ge=4, le=256, description="PatchGAN: channels of its first layer")
    gan_loss: GanLoss = Field("vanilla", description="cross-entropy (vanilla) or least squares (lsgan)")
    gan_weight: float = Field(1.0, ge=0, description="weight of the adversarial term in the generator's loss")


class Pix2pixParameters(GanParameters):
    """pix2pix's own settings."""

    l1_weight: float = Field(100.0, ge=0, description="lambda: weight of the L1 term")
    feature_weight: float = Field(0.0, ge=0, description="weight of the feature-matching term (pix2pixHD: 10)")


class CycleGanParameters(GanParameters):
    """CycleGAN's own settings."""

    gan_loss: GanLoss = Field("lsgan", description="cross-entropy (vanilla) or least squares (lsgan)")
    cycle_weight: float = Field(10.0, ge=0, description="lambda: weight of each cycle-consistency term")
    identity_weight: float = Field(0.5, ge=0, description="weight of the identity terms, times cycle_weight")
    pool_size: int = Field(50, ge=0, description="earlier predictions kept for each discriminator")


class SupCycleGanParameters(CycleGanParameters):
    """supcyclegan's own settings."""

    paired_weight: float = Field(50.0, ge=0, description="weight of the L1 term against the paired image")


class CutParameters(GanParameters):
    """cut's own settings; its generator is always the ResNet, whose features it compares."""

    generator: Literal["resnet"] = Field("resnet", description="kind of generator; the loss needs the ResNet's layers")
    blocks: int = Field(9, ge=5, le=18, description="ResNet: residual blocks")
    norm: Norm = Field("instance", description="normalisation layers of generator and discriminator")
    dropout: bool = Field(False, description="0.5 dropout in the residual blocks")
    gan_loss: GanLoss = Field("lsgan", description="cross-entropy (vanilla) or least squares (lsgan)")
    contrast_weight: float = Field(1.0, ge=0, description="lambda: weight of the PatchNCE terms")
    temperature: float = Field(0.07, gt=0, description="PatchNCE: divides the cosines")
    patches: int = Field(256, ge=2, description="PatchNCE: places compared in each image")
    feature_size: int = Field(256, ge=2, description="PatchNCE: length of a feature vector")
