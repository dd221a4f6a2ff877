"""Methods without a network: the rows that every other row is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench import MethodSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench import Method


def _identity(_parameters: object) -> Method:
    from petbench_baselines.identity import Identity

    return Identity()


def _scale(_parameters: object) -> Method:
    from petbench_baselines.scale import Scale

    return Scale()


@hookimpl
def petbench_methods() -> Iterable[MethodSpec]:
    """Return the reference rows."""
    return [
        MethodSpec(
            name="identity",
            summary="the early image as it is",
            build=_identity,
            supervision="none",
            licence="Apache-2.0",
        ),
        MethodSpec(
            name="scale",
            summary="the early image times one least-squares factor",
            build=_scale,
            licence="Apache-2.0",
        ),
    ]
