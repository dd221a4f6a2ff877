"""Which methods have samples of their predictions to keep, and how many; known before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.step_parameters import SamplingParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import MethodSpec


def draws(spec: MethodSpec) -> bool:
    """Return whether a method draws its predictions: its parameters then say how many samples are averaged."""
    chosen = spec.parameters
    return not spec.is_program and chosen is not None and issubclass(chosen, SamplingParameters)


def check_draws(spec: MethodSpec, views: int) -> None:
    """Refuse to keep samples of a method that has none, or of several views.

    The mean over views is drawn from no distribution of the method's, so the spread of such means says nothing.

    Raises:
        UsageError: in one line.
    """
    if not draws(spec):
        why = "is a program of its own, whose samples nobody here sees" if spec.is_program else "draws no samples"
        raise UsageError(f"--keep-samples: {spec.name} {why}; leave the option out")
    if views > 1:
        raise UsageError(f"--keep-samples keeps samples of one view; leave out --tta {views}, or --keep-samples")


def check_samples(spec: MethodSpec, values: Mapping[str, Any], keep: int, views: int) -> None:
    """Refuse to keep more samples than a method draws.

    Args:
        spec: of the method.
        values: its parameters, all of them.
        keep: how many samples of each participant are to be kept; 0 for none.
        views: of each scan.

    Raises:
        UsageError: in one line.
    """
    if not keep:
        return
    check_draws(spec, views)
    if keep > (most := int(values["samples"])):
        raise UsageError(
            f"--keep-samples {keep}: {spec.name} draws samples={most}; keep at most {most}, or set samples={keep}"
        )
