"""Find plugins through their entry points, one at a time, so that a broken one hurts nobody else.

pluggy's own `load_setuptools_entrypoints` imports every plugin in one loop and stops at the first failure. Here
each entry point is loaded, registered and asked for its specs by itself; whatever goes wrong is kept as data.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import pluggy

from petbench import hookspecs
from petbench.contract import API_VERSION, MethodSpec, Role, Supervision
from petbench.engine_spec import API_VERSION as ENGINE_API_VERSION
from petbench.engine_spec import EngineSpec
from petbench.errors import PluginError, UnknownNameError, one_line
from petbench.run_events import API_VERSION as OBSERVER_API_VERSION
from petbench.run_events import ObserverSpec
from petbench.scan import NEEDS, unknown_needs
from petbench_datasets.sources import Fetch
from petbench_datasets.specs import API_VERSION as DATASET_API_VERSION
from petbench_datasets.specs import DatasetSpec
from petbench_datasets.tasks.built_in import BUILT_IN
from petbench_datasets.tasks.task import API_VERSION as TASK_API_VERSION
from petbench_datasets.tasks.task import Task
from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench.metric_spec import MetricSpec

_LOG = logging.getLogger(__name__)

GROUP = "petbench"
OWN_DISTRIBUTION = "petbench"

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SUPERVISIONS = get_args(Supervision)
_ROLES = get_args(Role)
_ENVIRONMENTS = ("process", "venv")
_HOOKS: dict[str, tuple[type[MethodSpec | DatasetSpec | ObserverSpec | EngineSpec | Task], int]] = {
    "petbench_methods": (MethodSpec, API_VERSION),
    "petbench_datasets": (DatasetSpec, DATASET_API_VERSION),
    "petbench_observers": (ObserverSpec, OBSERVER_API_VERSION),
    "petbench_engines": (EngineSpec, ENGINE_API_VERSION),
    "petbench_tasks": (Task, TASK_API_VERSION),
}
"""The hooks that are asked at once, what each returns and for which version; a plugin keeps the answers under the
hook's name after `petbench_`."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point and what became of it.

    Attributes:
        name: of the entry point.
        distribution: the installed package that brings it, and its version.
        module: the dotted name the entry point refers to.
        methods: the methods it registered.
        datasets: the datasets it registered.
        observers: the observers of runs it registered.
        engines: the engines it registered.
        tasks: the tasks it registered.
        error: why it is not usable, in one line; None when it is.
        implementation: the loaded object, for hooks that are asked later.
    """

    name: str
    distribution: str
    version: str
    module: str
    methods: tuple[MethodSpec, ...] = ()
    datasets: tuple[DatasetSpec, ...] = ()
    observers: tuple[ObserverSpec, ...] = ()
    engines: tuple[EngineSpec, ...] = ()
    tasks: tuple[Task, ...] = ()
    error: str | None = None
    implementation: object = None

    def call(self, hook: str) -> Iterable[Any]:
        """Return what this plugin's implementation of a hook without arguments gives; nothing where it has none."""
        function = getattr(self.implementation, hook, None)
        return function() if callable(function) else ()


@dataclass(slots=True)
class Registry:
    """All plugins that were found, the working and the broken."""

    plugins: list[Plugin] = field(default_factory=list)

    def methods(self) -> dict[str, tuple[MethodSpec, Plugin]]:
        """Return each usable method by its name, with the plugin that brings it."""
        return {spec.name: (spec, plugin) for plugin in self.plugins for spec in plugin.methods}

    def datasets(self) -> dict[str, DatasetSpec]:
        """Return each usable dataset by its name."""
        return {spec.name: spec for plugin in self.plugins for spec in plugin.datasets}

    def observers(self) -> dict[str, tuple[ObserverSpec, Plugin]]:
        """Return each usable observer of runs by its name, with the plugin that brings it."""
        return {spec.name: (spec, plugin) for plugin in self.plugins for spec in plugin.observers}

    def engines(self) -> dict[str, tuple[EngineSpec, Plugin]]:
        """Return each usable engine by its name, with the plugin that brings it."""
        return {spec.name: (spec, plugin) for plugin in self.plugins for spec in plugin.engines}

    def tasks(self) -> dict[str, Task]:
        """Return each task by its name: the built-in ones, the default first, and those of usable plugins."""
        return {**BUILT_IN, **{task.name: task for plugin in self.plugins for task in plugin.tasks}}

    def metrics(self) -> tuple[MetricSpec, ...]:
        """Return the metrics of every usable plugin, the built-in ones first.

        They are asked for only now, because what computes them is heavy; a plugin whose metrics cannot be made, or
        take a name already taken, is left out with a warning in the log and costs nobody else anything.
        """
        from petbench.metric_check import checked_metric

        found: dict[str, MetricSpec] = {}
        for plugin in self.plugins:
            if plugin.error:
                continue
            try:
                for spec in map(checked_metric, plugin.call("petbench_metrics")):
                    if spec.name in found:
                        raise PluginError(f"the name of the metric {spec.name!r} is taken already; choose another")
                    found[spec.name] = spec
            except (Exception, SystemExit) as error:
                _LOG.warning("the metrics of %s cannot be used: %s", plugin.distribution, one_line(error))
        return tuple(found.values())

    def method(self, name: str) -> tuple[MethodSpec, Plugin]:
        """Return the method called `name` and its plugin.

        Raises:
            PluginError: a plugin of that name is installed and broken.
            UnknownNameError: nothing has that name.
        """
        methods = self.methods()
        if name in methods:
            return methods[name]
        for plugin in self.plugins:
            if plugin.name == name and plugin.error:
                raise PluginError(f"the plugin {name!r} of {plugin.distribution} does not work: {plugin.error}")
        raise UnknownNameError("method", name, methods)


def load_plugins(
    entry_points: Iterable[importlib.metadata.EntryPoint] | None = None, *, raise_errors: bool = False
) -> Registry:
    """Load every installed plugin: petbench's own first, then by distribution and name.

    Args:
        entry_points: of the plugins; None for all that are installed.
        raise_errors: whether a plugin's failure is raised where it happens, for its author.
    """
    found = importlib.metadata.entry_points(group=GROUP) if entry_points is None else entry_points
    manager = pluggy.PluginManager("petbench")
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    # Standard output belongs to what was asked for, such as JSON: what a plugin prints while it is imported does not.
    with contextlib.redirect_stdout(sys.stderr):
        for entry_point in sorted(found, key=_order):
            registry.plugins.append(_load(entry_point, manager, registry, raise_errors=raise_errors))
    return registry


def _order(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    distribution = entry_point.dist.name if entry_point.dist else ""
    return (distribution != OWN_DISTRIBUTION, distribution, entry_point.name)


def _load(
    entry_point: importlib.metadata.EntryPoint,
    manager: pluggy.PluginManager,
    registry: Registry,
    *,
    raise_errors: bool,
) -> Plugin:
    distribution = entry_point.dist.name if entry_point.dist else "unknown"
    version = entry_point.dist.version if entry_point.dist else "unknown"
    facts: dict[str, Any] = {
        "name": entry_point.name,
        "distribution": distribution,
        "version": version,
        "module": entry_point.value,
    }
    registered = None
    try:
        loaded = entry_point.load()
        if manager.is_registered(loaded):
            raise PluginError(f"{entry_point.value} is registered already under another name")
        registered = loaded
        manager.register(loaded, name=f"{distribution}:{entry_point.name}")
        manager.check_pending()  # an unknown hook is an error now, not a hook that is silently never called
        specs = {hook: _specs(manager, registered, hook) for hook in _HOOKS}
        _refuse_taken_names(specs, registry)
        facts |= {hook.removeprefix("petbench_"): answers for hook, answers in specs.items()}
        return Plugin(**facts, implementation=loaded)
    except (Exception, SystemExit) as error:  # also CUDA's OSError and a plugin that calls sys.exit while imported
        if raise_errors:
            raise
        if registered is not None and manager.is_registered(registered):
            manager.unregister(registered)
        return Plugin(**facts, error=one_line(error))


def _specs(manager: pluggy.PluginManager, plugin: object, hook: str) -> tuple[Any, ...]:
    """Ask this one plugin for its specs and check each of them."""
    kind, api = _HOOKS[hook]
    others = [other for other in manager.get_plugins() if other is not plugin]
    answers = manager.subset_hook_caller(hook, remove_plugins=others)()
    specs = tuple(spec for answer in answers for spec in answer)
    for spec in specs:
        if not isinstance(spec, kind):
            raise PluginError(f"{hook} returned a {type(spec).__name__} where a {kind.__name__} is expected")
        if spec.api != api:
            raise PluginError(f"{_name(spec)!r} is for plugin API {spec.api}, this petbench has API {api}")
        if not _SLUG.fullmatch(_name(spec)):
            raise PluginError(f"the name {_name(spec)!r} is no slug: use lower-case letters, digits and hyphens")
        if isinstance(spec, Task):
            _check_task(spec)
            continue
        runs_a_command = isinstance(spec, MethodSpec) and bool(spec.command)
        if not callable(spec.build) and not (spec.build is None and runs_a_command):
            raise PluginError(f"{_name(spec)!r} has a build that cannot be called")
        if isinstance(spec, MethodSpec):
            _check_method(spec)
        elif isinstance(spec, ObserverSpec | EngineSpec):
            if isinstance(spec.imports, str) or not all(isinstance(text, str) for text in spec.imports):
                raise PluginError(
                    f"{spec.name!r} has imports {spec.imports!r}; give a tuple of names, such as ('mlflow',)"
                )
        elif not isinstance(spec.fetch, Fetch | None):
            raise PluginError(f"{_name(spec)!r} has a fetch that is no petbench_datasets.sources.Fetch, and not None")
        elif spec.track not in ("", *TRACKS):
            raise PluginError(f"{_name(spec)!r} has track {spec.track!r}; use one of {tuple(TRACKS)}, or none")
    return specs


def _check_task(task: Task) -> None:
    if task.name in BUILT_IN:
        raise PluginError(f"the name {task.name!r} is taken already by petbench; choose another")
    if task.of_file:
        raise PluginError(f"the task {task.name!r} is of a package: leave of_file as it is")


def _check_method(spec: MethodSpec) -> None:
    if spec.supervision not in _SUPERVISIONS:
        raise PluginError(f"{spec.name!r} has supervision {spec.supervision!r}; use one of {_SUPERVISIONS}")
    if spec.role not in _ROLES:
        raise PluginError(f"{spec.name!r} has role {spec.role!r}; use one of {_ROLES}")
    if isinstance(spec.needs, str) or (unknown := unknown_needs(spec.needs)):
        given = repr(spec.needs) if isinstance(spec.needs, str) else ", ".join(map(repr, unknown))
        raise PluginError(f"{spec.name!r} has needs {given}; give a tuple of: {', '.join(NEEDS)}")
    if spec.environment not in _ENVIRONMENTS:
        raise PluginError(f"{spec.name!r} has environment {spec.environment!r}; use one of {_ENVIRONMENTS}")
    if isinstance(spec.sources, str) or not all(isinstance(text, str) for text in spec.sources):
        raise PluginError(f"{spec.name!r} has sources {spec.sources!r}; give a tuple of names, such as ('my_layers',)")
    if spec.requirements and spec.environment != "venv":
        raise PluginError(f"{spec.name!r} has requirements but no environment of its own; set environment='venv'")


def _refuse_taken_names(specs: dict[str, tuple[Any, ...]], registry: Registry) -> None:
    """Refuse a newcomer whose name is held: a leaderboard must never swap what `pix2pix` means."""
    for hook, own in specs.items():
        held = {
            _name(spec): plugin.distribution
            for plugin in registry.plugins
            for spec in getattr(plugin, hook.removeprefix("petbench_"))
        }
        for position, spec in enumerate(own):
            name = _name(spec)
            if name in held:
                raise PluginError(f"the name {name!r} is taken already by {held[name]}; choose another")
            if name in {_name(earlier) for earlier in own[:position]}:
                raise PluginError(f"the name {name!r} is registered twice")


def _name(spec: Any) -> str:
    return str(spec.name)
