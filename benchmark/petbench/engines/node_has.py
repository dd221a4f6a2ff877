"""What must be on a node before it makes or scores a run: the metrics of the machine that submits, and the images."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.plans.datasets import build_once
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from petbench.engines.order import Order
    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder


def node_name() -> str:
    """Return what the engine calls this machine."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def conventions(registry: Registry) -> tuple[str, ...]:
    """Return the conventions of all metrics by which predictions are scored with some plugins."""
    return tuple(sorted(spec.convention_id for spec in registry.metrics()))


def check_metrics(order: Order, registry: Registry) -> None:
    """Make sure that this machine scores by the metrics of the one that submits.

    Raises:
        PetbenchError: it lacks some, or has others.
    """
    here, there = set(conventions(registry)), set(order.metrics)
    for differing, what in ((there - here, "lacks"), (here - there, "has, and the machine that submits has not,")):
        if differing:
            raise PetbenchError(
                f"the node {node_name()} {what} the metric {min(differing)}: install the same plugins on both"
            )


def provide_images(folder: RunFolder, order: Order, home: Home, registry: Registry) -> None:
    """See that the images of a run's plan are on this machine: a dataset that can be built is built, once.

    Args:
        folder: of the run, whose plan then says where they are.
        order: of the job.
        home: of petbench on this machine.
        registry: the plugins here.

    Raises:
        PetbenchError: they are not, and cannot be built.
    """
    plan = folder.plan()
    if Path(plan.dataset_folder).is_dir():
        return
    spec = registry.datasets().get(order.dataset)
    if spec is None:
        raise PetbenchError(
            f"{plan.dataset_folder} is not on the node {node_name()}, and {order.dataset} is no dataset that can be "
            "built there: copy its folder to the same place on every node"
        )
    built = home.datasets / spec.name
    build_once(spec.build, built, silent)
    replace(plan, dataset_folder=str(built)).save(folder.plan_file)
