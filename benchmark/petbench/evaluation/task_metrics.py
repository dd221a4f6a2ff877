"""Metrics as a task has them: whatever scores predictions takes them from here, so one metric is one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from petbench.metric_check import checked_metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from petbench.metric_spec import Case, Measurement, MetricSpec
    from petbench_datasets.tasks.task import Task


def metrics_for(task: Task, metrics: Iterable[MetricSpec]) -> tuple[MetricSpec, ...]:
    """Return some metrics as a task has them, without those that it has not.

    A plugin's metric that cannot say what it is for the task is measured nowhere, and its rows say why.
    """
    return tuple(found for metric in metrics if (found := _for_task(metric, task)) is not None)


def _for_task(metric: MetricSpec, task: Task) -> MetricSpec | None:
    if metric.for_task is None:
        return metric
    try:
        found = metric.for_task(task)
        return None if found is None else checked_metric(found, metric.name)
    except (Exception, SystemExit) as error:  # a plugin may raise anything, and must not cost the run its other scores
        return replace(metric, measure=_Failed(error))


class _Failed:
    """Measures nothing but why."""

    def __init__(self, error: Exception | SystemExit) -> None:
        self._error = error

    def __call__(self, _: Case) -> Iterator[Measurement]:
        raise self._error
