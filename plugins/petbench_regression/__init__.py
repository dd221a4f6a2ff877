"""Regression networks: the delayed image as a correction of the early one, without an adversary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import MethodSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import Method
    from petbench_regression.settings import ResUNet25dParameters


def _resunet25d(parameters: ResUNet25dParameters) -> Method:
    from petbench_regression.resunet25d import ResUNet25d

    return ResUNet25d(parameters)


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the regression networks."""
    from petbench_regression import settings

    return [
        MethodSpec(
            name="resunet25d",
            summary="residual U-Net on five neighbouring slices, L1",
            build=_resunet25d,
            supervision="paired",
            parameters=settings.ResUNet25dParameters,
            presets=settings.RESUNET25D_PRESETS,
            choose_preset=settings.choose_preset,
            citation="Zhang, Liu, Wang: Road Extraction by Deep Residual U-Net. IEEE GRSL 2018;15(5):749-753. "
            "arXiv:1711.10684",
            licence="Apache-2.0",
        ),
    ]
