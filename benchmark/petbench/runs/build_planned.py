"""Build the method of a run: the one place where a run's plan becomes code that is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.methods.build import build_method
from petbench.methods.parameter_files import with_paths
from petbench.methods.views import Views
from petbench.plans.same_code import check_same_code

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.plans.same_code import PlannedCode
    from petbench.registry import Registry
    from petbench.training.runnable_method import RunnableMethod


def build_planned(plan: PlannedCode, registry: Registry, environments: Path, *, trains: bool = True) -> RunnableMethod:
    """Return a run's method, untrained, once it is sure that its code is what the run was planned with.

    Args:
        plan: of the run.
        registry: the installed plugins.
        environments: folder of methods' virtual environments.
        trains: whether it is to train; see `petbench.plans.same_code.check_same_code`.

    Raises:
        ChangedError: what the run is made of has changed since it was planned.
        PetbenchError: the method cannot be built, or a file that a parameter names is not known here.
    """
    check_same_code(plan, registry, trains=trains)
    return build_again(plan, registry, environments)


def build_again(plan: PlannedCode, registry: Registry, environments: Path) -> RunnableMethod:
    """Return an untrained method like the one that `build_planned` has built in this process.

    The code that the process has loaded was the planned one, whatever lies on the disk by now.

    Raises:
        PetbenchError: the method cannot be built.
    """
    spec, plugin = registry.method(plan.method)
    values = with_paths(plan.method, plan.parameters, plan.parameter_files)
    method = build_method(spec, values, module=plugin.module, environments=environments)
    return method if plan.views == 1 else Views(method, plan.views)
