"""What must be on a node before it makes or scores a run: the metrics of the machine that submits, and the images."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.evaluation.extractors.columns import weights_status
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.task_metrics import metrics_for
from petbench.home import Home
from petbench.plans.datasets import build_once
from petbench.plans.tasks import planned_task
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from petbench.engines.order import Order
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.settings import Settings


def node_name() -> str:
    """Return what the engine calls this machine."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def conventions(plan: RunPlan, registry: Registry) -> tuple[str, ...]:
    """Return the conventions of all metrics by which a run's predictions are scored with some plugins.

    Raises:
        ChangedError: there is no task as the plan has it.
    """
    return tuple(sorted(spec.convention_id for spec in metrics_for(planned_task(plan), registry.metrics())))


def extractors(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the extractors whose weights are on this machine."""
    found = weights_status(cache=Home(settings.home).cache, given=settings.weights)
    return tuple(sorted(status.id for status in found if status.ready))


def check_metrics(plan: RunPlan, order: Order, settings: Settings, registry: Registry) -> None:
    """Make sure that this machine scores by the protocol and the metrics of the one that submits.

    Args:
        plan: of the run.
        order: of the job.
        settings: of this machine, with what the order names.
        registry: the plugins here.

    Raises:
        PetbenchError: it lacks some, or has others.
    """
    if order.protocol != PROTOCOL:
        raise PetbenchError(
            f"the node {node_name()} scores by protocol {PROTOCOL}, and the machine that submits by {order.protocol}: "
            "install the same petbench on both"
        )
    here, there = set(conventions(plan, registry)), set(order.metrics)
    for differing, what in ((there - here, "lacks"), (here - there, "has, and the machine that submits has not,")):
        if differing:
            raise PetbenchError(
                f"the node {node_name()} {what} the metric {min(differing)}: install the same plugins on both"
            )
    lacking = set(order.extractors) - set(extractors(settings))
    if lacking:
        raise PetbenchError(
            f"the node {node_name()} lacks the weights of {min(lacking)}, which the machine that submits has: name "
            "them with PETBENCH_FID_WEIGHTS at a path that both have, or copy them into the node's cache"
        )


def with_images(plan: RunPlan, order: Order, home: Home, registry: Registry) -> RunPlan:
    """Return a run's plan as it is on this machine, with its images: a dataset that can be built is built, once.

    Args:
        plan: of the run.
        order: of the job.
        home: of petbench on this machine.
        registry: the plugins here.

    Raises:
        PetbenchError: they are not, and cannot be built.
    """
    if Path(plan.dataset_folder).is_dir():
        return plan
    spec = registry.datasets().get(order.dataset)
    if spec is None:
        raise PetbenchError(
            f"{plan.dataset_folder} is not on the node {node_name()}, and {order.dataset} is no dataset that can be "
            "built there: copy its folder to the same place on every node"
        )
    built = home.datasets / spec.name
    build_once(spec.build, built, silent)
    return replace(plan, dataset_folder=str(built))
