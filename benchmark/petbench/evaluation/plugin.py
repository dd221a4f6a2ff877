"""The built-in metrics, brought in through the same hook as anyone else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench.metric_spec import MetricSpec


@hookimpl
def petbench_metrics() -> Iterable[MetricSpec]:
    """Return the metrics of one participant."""
    from petbench.evaluation.catalogue import builtin_metrics

    return builtin_metrics()
