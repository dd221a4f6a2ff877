"""What the process of a method says of itself: its device and packages before it trains, its code once it has ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError
from petbench.methods.code_files import Unit
from petbench.methods.local_code import loaded_units
from petbench.methods.program import venv
from petbench.methods.program.method import package_folder
from petbench.methods.source import PACKAGE, home_of, source_of
from petbench.provenance import machine
from petbench.runs.method_process.messages import CodeThatRan, Ready

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import MethodSpec
    from petbench.engine_settings import EngineSettings
    from petbench.registry import Plugin, Registry
    from petbench.runs.method_process.messages import Task


def ready(task: Task, device: str, engine: EngineSettings) -> Ready:
    """Return what is said before any code of the method's author was imported."""
    compiled = engine.compiles(device.partition(":")[0], task.images)
    return Ready(
        device=device,
        facts=machine.device_facts(device),
        engine=engine.to_json() | {"compiled": compiled},
        packages=machine.installed_packages(),
    )


class LoadedCode:
    """The code that a method is made of, watched from before it is built.

    Args:
        task: which method.
        registry: the installed plugins, before the method is built.
    """

    def __init__(self, task: Task, registry: Registry) -> None:
        self._task = task
        self._spec, self._plugin = registry.method(task.method)
        self._modules_before = set(sys.modules)

    def that_ran(self, environments: Path) -> CodeThatRan:
        """Return of what the method was made beside its identity, once it has trained and predicted.

        Args:
            environments: folder of methods' virtual environments.
        """
        known = {name.partition("/")[0].removesuffix(".py") for name in self._task.source_files}
        outside = loaded_units(self._modules_before, known)
        return CodeThatRan(
            outside={unit.name: Unit.digest(unit.hashes()) for unit in outside},
            changed=tuple(self._changed_meanwhile()),
            own_packages=_packages_of_its_own(self._spec, self._plugin, environments),
        )

    def _changed_meanwhile(self) -> list[str]:
        """Return which files of the method are no longer as they were when its process loaded them."""
        try:
            now = source_of(self._spec, self._plugin.module)
        except (PetbenchError, OSError):
            return ["its package is gone"]
        if now.digest == self._task.source_hash:
            return []
        before = self._task.source_files
        return sorted(name for name in before.keys() | now.files.keys() if before.get(name) != now.files.get(name))


def _packages_of_its_own(spec: MethodSpec, plugin: Plugin, environments: Path) -> dict[str, str]:
    """Return what the method's own virtual environment holds; nothing of a method that has none."""
    if spec.environment != "venv":
        return {}
    package = package_folder([plugin.module, home_of(spec.build) or "petbench"])
    needed = [text.replace(PACKAGE, str(package)) for text in spec.requirements]
    return venv.packages_in(needed, environments, inherits=spec.sees_installed)
