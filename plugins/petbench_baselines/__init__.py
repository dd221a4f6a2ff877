"""Methods without a network: the reference rows that every other row is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import MethodSpec, Range, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import Method
    from petbench_baselines.parameters import KineticParameters, RidgeParameters


def _identity(_parameters: object) -> Method:
    from petbench_baselines.identity import Identity

    return Identity()


def _scale(_parameters: object) -> Method:
    from petbench_baselines.scale import Scale

    return Scale()


def _ridge(parameters: RidgeParameters) -> Method:
    from petbench_baselines.ridge import Ridge

    return Ridge(parameters)


def _kinetic(parameters: KineticParameters) -> Method:
    from petbench_baselines.kinetic import Kinetic

    return Kinetic(parameters)


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the reference rows."""
    from petbench_baselines.parameters import KineticParameters, RidgeParameters

    return [
        MethodSpec(
            name="identity",
            summary="the early image as it is",
            build=_identity,
            supervision="no-target",
            role="reference",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="scale",
            summary="the early image times one least-squares factor",
            build=_scale,
            role="reference",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="ridge",
            summary="one small linear filter, by ridge regression",
            build=_ridge,
            parameters=RidgeParameters,
            search={"radius_z": Range(0, 2), "radius_yx": Range(0, 4), "penalty": Range(1e-6, 1.0, log=True)},
            citation="Hoerl, Kennard: Ridge Regression. Technometrics 1970;12(1):55-67",
            role="reference",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="kinetic",
            summary="Patlak's equation with a population's blood curve, net influx by early SUV",
            build=_kinetic,
            parameters=KineticParameters,
            search={"bins": Range(5, 200, log=True)},
            citation="Patlak, Blasberg, Fenstermacher: J Cereb Blood Flow Metab 1983;3(1):1-7",
            role="reference",
            licence="Apache-2.0",
        ),
    ]
