"""Parameters for a check, as they are typed after `--set`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.methods import parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import MethodSpec


def parse_settings(spec: MethodSpec, settings: Sequence[str]) -> dict[str, Any]:
    """Return the parameters that `key=value` texts set, validated; those not set are left out.

    Raises:
        UsageError: a parameter does not exist or is out of its range.
    """
    values = parameters.resolve(spec, parameters.NO_PRESET, settings, None)
    return {key: values[key] for key in (setting.partition("=")[0] for setting in settings)}
