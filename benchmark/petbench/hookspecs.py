"""The hooks a plugin may implement. All return plain data; none needs torch to be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench.contract import MethodSpec
    from petbench.engine_spec import EngineSpec
    from petbench.metric_spec import MetricSpec
    from petbench.run_events import ObserverSpec
    from petbench_datasets.specs import DatasetSpec
    from petbench_datasets.tasks.task import Task

hookspec = pluggy.HookspecMarker("petbench")
hookimpl = pluggy.HookimplMarker("petbench")


@hookspec
def petbench_methods() -> Iterable[MethodSpec]:  # type: ignore[empty-body]
    """Return the methods this plugin brings."""


@hookspec
def petbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Return the datasets this plugin can build or find."""


@hookspec
def petbench_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Return the metrics of one participant that this plugin brings; asked for only when something is scored."""


@hookspec
def petbench_observers() -> Iterable[ObserverSpec]:  # type: ignore[empty-body]
    """Return the observers of runs that this plugin brings: trackers and notifiers."""


@hookspec
def petbench_engines() -> Iterable[EngineSpec]:  # type: ignore[empty-body]
    """Return the engines that this plugin brings: queues that run petbench on other machines."""


@hookspec
def petbench_tasks() -> Iterable[Task]:  # type: ignore[empty-body]
    """Return the tasks that this plugin brings: tracer and windows under a name and a version."""
