"""The one check that a run's method is still what the run was planned with; every verb that runs its code asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from petbench.errors import ChangedError
from petbench.methods.parameter_files import changed_files
from petbench.methods.source import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import MethodSpec
    from petbench.registry import Plugin, Registry

_NAMED = 4


class PlannedCode(Protocol):
    """What a plan says of the code that a run is made of; see `petbench.plans.run_plan.RunPlan`."""

    @property
    def method(self) -> str:
        """The method's name."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All of them, with the hash of each file in its place."""

    @property
    def parameter_files(self) -> Mapping[str, str]:
        """Where these files lie here."""

    @property
    def distribution(self) -> str:
        """The package that brings the method."""

    @property
    def version(self) -> str:
        """Of that package."""

    @property
    def source_hash(self) -> str:
        """Of all its code."""

    @property
    def source_files(self) -> Mapping[str, str]:
        """The hash of each file."""

    @property
    def views(self) -> int:
        """Of each scan that are predicted and averaged."""


def check_same_code(plan: PlannedCode, registry: Registry, *, trains: bool = True) -> tuple[MethodSpec, Plugin]:
    """Return the installed method of a plan, once it is sure that it is the one that the plan was made with.

    Args:
        plan: of the run.
        registry: the installed plugins.
        trains: whether it is to train; a trained model predicts with another version of the same code, too.

    Raises:
        ChangedError: its package, its code, or a file that a parameter names has changed since.
        PluginError: the method's plugin is broken.
        UnknownNameError: it is not installed.
    """
    spec, plugin = registry.method(plan.method)
    changes = code_changes(plan, spec, plugin, trains=trains)
    if changes:
        raise ChangedError(
            f"what {plan.method} is made of has changed since the run was made: {'; '.join(changes)}. Put it back as "
            "it was, or run the method again, which makes a run of its own"
        )
    return spec, plugin


def code_changes(plan: PlannedCode, spec: MethodSpec, plugin: Plugin, *, trains: bool = True) -> list[str]:
    """Return what differs between the method that is installed and the one of a plan, each in words."""
    found = []
    if trains and (plugin.distribution, plugin.version) != (plan.distribution, plan.version):
        found.append(f"{plan.distribution} {plan.version} is now {plugin.distribution} {plugin.version}")
    source = source_of(spec, plugin.module)
    if source.digest != plan.source_hash:
        found.append(f"its code ({_changed_names(plan.source_files, source.files)})")
    return [*found, *changed_files(plan.parameters, plan.parameter_files)]


def _changed_names(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if not before:
        return "which files is not noted with the run"
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
