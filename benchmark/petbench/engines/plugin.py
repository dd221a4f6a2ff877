"""The engines that petbench brings, registered as anyone else's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.engine_spec import EngineSpec
from petbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.engine_spec import Engine, Resources


@hookimpl
def petbench_engines() -> list[EngineSpec]:
    """Return Slurm, Dask on this machine, and Dask by its address."""
    return [
        EngineSpec(
            name="slurm",
            summary="a Slurm cluster, from one of its login nodes",
            build=_slurm,
            ask_seconds=2.0,
        ),
        EngineSpec(
            name="local",
            summary="several runs at once on this machine: local:2",
            build=_local,
            outlives=False,
            ask_seconds=0.5,
            imports=("distributed",),
            install="petbench[dask]",
        ),
        EngineSpec(
            name="dask",
            summary="a Dask cluster, by the address of its scheduler: dask:tcp://HOST:8786",
            build=_dask,
            ask_seconds=0.5,
            imports=("distributed",),
            install="petbench[dask]",
        ),
    ]


def _slurm(address: str, options: Mapping[str, str], _: Resources) -> Engine:
    from petbench.engines.slurm import build

    return build(address, options)


def _local(address: str, options: Mapping[str, str], resources: Resources) -> Engine:
    from petbench.engines.dask import start

    return start(address, options, resources)


def _dask(address: str, options: Mapping[str, str], resources: Resources) -> Engine:
    from petbench.engines.dask import connect

    return connect(address, options, resources)
