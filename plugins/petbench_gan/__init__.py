"""pix2pix, CycleGAN and their generator alone: methods that share their networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import MethodSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import StepMethod
    from petbench_gan.parameters import (
        CutParameters,
        CycleGanParameters,
        Pix2pixParameters,
        SupCycleGanParameters,
        UNetParameters,
    )


def _pix2pix(parameters: Pix2pixParameters) -> StepMethod:
    from petbench_gan.pix2pix import Pix2pix

    return Pix2pix(parameters)


def _cyclegan(parameters: CycleGanParameters) -> StepMethod:
    from petbench_gan.cyclegan import CycleGan

    return CycleGan(parameters)


def _supcyclegan(parameters: SupCycleGanParameters) -> StepMethod:
    from petbench_gan.supcyclegan import SupCycleGan

    return SupCycleGan(parameters)


def _cut(parameters: CutParameters) -> StepMethod:
    from petbench_gan.cut import Cut

    return Cut(parameters)


def _unet(parameters: UNetParameters) -> StepMethod:
    from petbench_gan.unet import UNetRegression

    return UNetRegression(parameters)


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the methods."""
    from petbench_gan import presets
    from petbench_gan.parameters import (
        CutParameters,
        CycleGanParameters,
        Pix2pixParameters,
        SupCycleGanParameters,
        UNetParameters,
    )

    return [
        MethodSpec(
            name="pix2pix",
            summary="conditional GAN with an L1 term, on pairs",
            build=_pix2pix,
            supervision="paired",
            parameters=Pix2pixParameters,
            presets=presets.PIX2PIX,
            choose_preset=presets.choose_preset,
            search=presets.SEARCH_PIX2PIX,
            citation="Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks. "
            "CVPR 2017. arXiv:1611.07004",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="cyclegan",
            summary="two GANs held together by cycle consistency, without pairs",
            build=_cyclegan,
            supervision="unpaired",
            parameters=CycleGanParameters,
            presets=presets.CYCLEGAN,
            choose_preset=presets.choose_preset,
            search=presets.SEARCH_CYCLEGAN,
            citation="Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial "
            "Networks. ICCV 2017. arXiv:1703.10593",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="supcyclegan",
            summary="CycleGAN with an L1 term against the paired image",
            build=_supcyclegan,
            supervision="paired",
            parameters=SupCycleGanParameters,
            presets=presets.SUPCYCLEGAN,
            choose_preset=presets.choose_preset,
            search=presets.SEARCH_SUPCYCLEGAN,
            citation="Lei et al.: Whole-body PET estimation from low count statistics using cycle-consistent "
            "generative adversarial networks. Phys Med Biol 2019;64(21):215017",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="cut",
            summary="one GAN held to its input by patchwise contrast, without pairs",
            build=_cut,
            supervision="unpaired",
            parameters=CutParameters,
            presets=presets.CUT,
            choose_preset=presets.choose_preset,
            search=presets.SEARCH_CUT,
            citation="Park, Efros, Zhang, Zhu: Contrastive Learning for Unpaired Image-to-Image Translation. "
            "ECCV 2020. arXiv:2007.15651",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="unet",
            summary="pix2pix's generator with its L1 term alone, no discriminator",
            build=_unet,
            supervision="paired",
            parameters=UNetParameters,
            presets=presets.UNET,
            choose_preset=presets.choose_preset,
            search=presets.SEARCH_GENERATOR,
            citation="Ronneberger, Fischer, Brox: U-Net. MICCAI 2015. arXiv:1505.04597",
            licence="Apache-2.0",
        ),
    ]
