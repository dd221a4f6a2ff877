"""The networks that the settings stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from petbench_gan.networks import PatchGAN, ResNet, UNet

if TYPE_CHECKING:
    from petbench_gan.networks import Generator
    from petbench_gan.parameters import GanParameters, Norm, UNetParameters, Upsample


class GeneratorChoices(TypedDict):
    """What both kinds of generator take by keyword."""

    norm: Norm
    dropout: bool
    upsample: Upsample
    residual: bool


def make_generator(parameters: UNetParameters) -> Generator:
    """Return a freshly initialised generator."""
    if parameters.generator == "resnet":
        return make_resnet(parameters)
    return UNet(parameters.depth, parameters.width, **_choices(parameters))


def make_resnet(parameters: UNetParameters) -> ResNet:
    """Return a freshly initialised ResNet generator."""
    return ResNet(parameters.blocks, parameters.width, **_choices(parameters))


def _choices(parameters: UNetParameters) -> GeneratorChoices:
    return {
        "norm": parameters.norm,
        "dropout": parameters.dropout,
        "upsample": parameters.upsample,
        "residual": parameters.residual,
    }


def make_discriminator(parameters: GanParameters, channels: int) -> PatchGAN:
    """Return a freshly initialised discriminator of images with `channels` channels."""
    return PatchGAN(parameters.discriminator_layers, parameters.discriminator_width, channels, norm=parameters.norm)
