"""Ray as an engine of petbench: `petbench run --on ray`, or `--on ray:http://HOST:8265`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import EngineSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench import Engine, Resources


@hookimpl
def petbench_engines() -> list[EngineSpec]:
    """Return the one engine; Ray itself is imported when somebody names it."""
    return [
        EngineSpec(
            name="ray",
            summary="a Ray cluster, by the address of its dashboard: ray:http://HOST:8265",
            build=_build,
            ask_seconds=1.0,
            imports=("ray",),
            install="petbench-ray",
        )
    ]


def _build(address: str, options: Mapping[str, str], resources: Resources) -> Engine:
    from petbench_ray.engine import connect

    return connect(address, options, resources)
