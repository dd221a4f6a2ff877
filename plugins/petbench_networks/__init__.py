"""Networks of MONAI and segmentation-models-pytorch as methods: what `pip install petbench[methods]` is for."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

from petbench import MethodSpec, PetbenchError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import StepMethod

LIBRARIES = ("monai", "einops", "segmentation_models_pytorch")


def _build(module: str, name: str, parameters: Any) -> StepMethod:
    """Import a method's module, and build the method.

    Raises:
        PetbenchError: a library that it is built on is not installed.
    """
    try:
        made: StepMethod = getattr(importlib.import_module(f"petbench_networks.{module}"), name)(parameters)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES and "OptionalImport" not in type(error).__name__:
            raise
        raise PetbenchError(
            f"this method needs a library ({error.name or error}): pip install 'petbench[methods]'"
        ) from error
    return made


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the networks."""
    from petbench_networks import parameters

    return [
        MethodSpec(
            name="resenc3d",
            summary="residual-encoder U-Net in three dimensions, on slabs, L1 in the body",
            build=partial(_build, "resenc3d", "ResEnc3d"),
            parameters=parameters.ResEnc3dParameters,
            presets=parameters.RESENC3D,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH_RESENC3D,
            citation="Isensee, Wald, Ulrich et al.: nnU-Net Revisited. MICCAI 2024. arXiv:2404.09556",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="unetpp25d",
            summary="U-Net++ on five neighbouring slices, with a ResNet-34 encoder from scratch, L1",
            build=partial(_build, "unetpp25d", "UnetPP25d"),
            parameters=parameters.UnetPP25dParameters,
            presets=parameters.UNETPP25D,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH,
            citation="Zhou, Siddiquee, Tajbakhsh, Liang: UNet++. IEEE TMI 2020;39(6):1856-1867. arXiv:1912.05074",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="swinunetr",
            summary="U-shaped network with a shifted-window transformer as its encoder, L1",
            build=partial(_build, "swinunetr", "SwinUNETR"),
            parameters=parameters.SwinUNETRParameters,
            presets=parameters.SWINUNETR,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH,
            citation="Hatamizadeh, Nath, Tang, Yang, Roth, Xu: Swin UNETR. BrainLes 2021, LNCS 12962:272-284. "
            "arXiv:2201.01266",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="rectified-flow",
            summary="rectified flow from the noisy early image to the delayed one",
            build=partial(_build, "rectified_flow", "RectifiedFlow"),
            parameters=parameters.RectifiedFlowParameters,
            presets=parameters.RECTIFIED_FLOW,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH_FLOW,
            citation="Liu, Gong, Liu: Flow Straight and Fast. ICLR 2023. arXiv:2209.03003",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="ddpm25d",
            summary="conditional diffusion on five neighbouring slices, sampled in DDIM steps",
            build=partial(_build, "ddpm25d", "Ddpm25d"),
            parameters=parameters.Ddpm25dParameters,
            presets=parameters.DDPM25D,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH_DDPM,
            citation="Ho, Jain, Abbeel: Denoising Diffusion Probabilistic Models. NeurIPS 2020. arXiv:2006.11239",
            licence="Apache-2.0",
        ),
    ]
