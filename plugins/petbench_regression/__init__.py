"""Regression: networks that correct the early image, without a discriminator, and a linear relation an organ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import MethodSpec, Range, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import Method, StepMethod
    from petbench_regression.parameters import (
        BridgeParameters,
        OrganRegressionParameters,
        ResUNet25dParameters,
        UNet3dParameters,
    )


def _resunet25d(parameters: ResUNet25dParameters) -> StepMethod:
    from petbench_regression.resunet25d import ResUNet25d

    return ResUNet25d(parameters)


def _unet3d(parameters: UNet3dParameters) -> StepMethod:
    from petbench_regression.unet3d import UNet3d

    return UNet3d(parameters)


def _bridge(parameters: BridgeParameters) -> StepMethod:
    from petbench_regression.bridge import Bridge

    return Bridge(parameters)


def _organ_regression(parameters: OrganRegressionParameters) -> Method:
    from petbench_regression.organ_regression import OrganRegression

    return OrganRegression(parameters)


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the regression networks, and the regression that they must beat."""
    from petbench_regression import parameters

    return [
        MethodSpec(
            name="resunet25d",
            summary="residual U-Net on five neighbouring slices, L1",
            build=_resunet25d,
            supervision="paired",
            parameters=parameters.ResUNet25dParameters,
            presets=parameters.PRESETS,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH,
            citation="Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net. IEEE GRSL 2018;15(5):749-753. "
            "arXiv:1711.10684",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="unet3d",
            summary="residual U-Net in three dimensions, on slabs, L1",
            build=_unet3d,
            supervision="paired",
            parameters=parameters.UNet3dParameters,
            presets=parameters.UNET3D_PRESETS,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH,
            citation="Çiçek, Abdulkadir, Lienkamp, Brox, Ronneberger: 3D U-Net. MICCAI 2016. arXiv:1606.06650",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="bridge",
            summary="a deterministic bridge from early to delayed, walked in small steps",
            build=_bridge,
            supervision="paired",
            parameters=parameters.BridgeParameters,
            presets=parameters.PRESETS,
            choose_preset=parameters.choose_preset,
            search=parameters.SEARCH_BRIDGE,
            citation="Delbracio, Milanfar: Inversion by Direct Iteration. TMLR 2023. arXiv:2303.11435",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="organ-regression",
            summary="each organ's delayed level from its early one, shrunk to the whole body's relation",
            build=_organ_regression,
            supervision="paired",
            needs=("labels",),
            parameters=parameters.OrganRegressionParameters,
            search={"shrinkage": Range(0.1, 1000.0, log=True)},
            citation="Lindley, Smith: Bayes Estimates for the Linear Model. J R Stat Soc B 1972;34(1):1-41",
            licence="Apache-2.0",
        ),
    ]
