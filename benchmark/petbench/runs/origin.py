"""Record what a run was made by and on, beside its identity: machine, packages, and the code that it really ran."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from petbench.errors import PetbenchError
from petbench.methods.code_files import Unit
from petbench.methods.local_code import loaded_units
from petbench.methods.program import venv
from petbench.methods.program.method import package_folder
from petbench.methods.source import PACKAGE, home_of, source_of
from petbench.provenance import checkout, machine
from petbench_leaderboard.conditions import (
    CHANGED_MEANWHILE,
    OUTSIDE_IDENTITY,
    OWN_PACKAGES,
    RESUMED,
    changes,
    conditions_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import MethodSpec
    from petbench.engine_settings import EngineSettings
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Plugin, Registry
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


class Origin:
    """What one run was made by and on.

    Args:
        plan: of the run.
        registry: the installed plugins, before the method is built.
    """

    def __init__(self, plan: RunPlan, registry: Registry) -> None:
        self._plan = plan
        self._spec, self._plugin = registry.method(plan.method)
        self._modules_before = set(sys.modules)

    def record(self, leaderboard: Leaderboard, run_id: int, device: str, engine: EngineSettings) -> None:
        """Record the machine, the device, the packages and the state of the code, before the method trains.

        Of a run that resumes, what differs from the part before is kept, logged and told on standard error.
        """
        compiled = engine.compiles(device.partition(":")[0], self._plan.training_budget.images)
        checkouts = checkout.find_checkouts(*_top_modules(self._spec, self._plugin))
        facts = machine.machine_facts() | {"source": checkout.describe(checkouts)} | machine.device_facts(device)
        facts["engine"] = engine.to_json() | {"compiled": compiled}
        packages = machine.installed_packages()
        row = leaderboard.run(run_id)
        if "threads" in row.machine:  # a part of it was made before
            earlier = row.machine.get(RESUMED)
            resumed = list(earlier) if isinstance(earlier, list) else []
            if found := changes(_comparable(row.machine, row.environment), _comparable(facts, packages)):
                resumed.append("; ".join(found))
                _tell(
                    f"run {run_id} resumes under other conditions than it was begun with ({resumed[-1]}): its numbers "
                    "may differ from those of a run that was never stopped"
                )
            facts |= {RESUMED: resumed} if resumed else {}
        leaderboard.update(run_id, device=device, machine=facts, environment=packages)
        leaderboard.record_source_diff(run_id, checkout.read_diff(checkouts))

    def record_code_that_ran(self, leaderboard: Leaderboard, run_id: int, environments: Path) -> None:
        """Record of what the method was made beside its identity, once it has trained and predicted.

        Args:
            leaderboard: where the row is.
            run_id: its number.
            environments: folder of methods' virtual environments.
        """
        facts: dict[str, Any] = {}
        known = {name.partition("/")[0].removesuffix(".py") for name in self._plan.source_files}
        if outside := loaded_units(self._modules_before, known):
            facts[OUTSIDE_IDENTITY] = {unit.name: Unit.digest(unit.hashes()) for unit in outside}
            names = ", ".join(facts[OUTSIDE_IDENTITY])
            _tell(
                f"run {run_id} imported local code that is no part of its identity: {names}; name it in the sources of "
                "the method's MethodSpec"
            )
        if changed := self._changed_meanwhile():
            facts[CHANGED_MEANWHILE] = changed
            _tell(f"the code of run {run_id} was changed while it ran: {', '.join(changed)}")
        own = self._packages_of_its_own(environments)
        if facts or own:
            machine_facts: dict[str, Any] = dict(leaderboard.run(run_id).machine)
            machine_facts["source"] = {**machine_facts.get("source", {}), **facts}
            leaderboard.update(run_id, machine=machine_facts | ({OWN_PACKAGES: own} if own else {}))

    def _packages_of_its_own(self, environments: Path) -> dict[str, str]:
        """Return what the method's own virtual environment holds; nothing of a method that has none."""
        if self._spec.environment != "venv":
            return {}
        package = package_folder([self._plugin.module, home_of(self._spec.build) or "petbench"])
        needed = [text.replace(PACKAGE, str(package)) for text in self._spec.requirements]
        return venv.packages_in(needed, environments, inherits=self._spec.sees_installed)

    def _changed_meanwhile(self) -> list[str]:
        """Return which files of the method are no longer as they were when its process loaded them."""
        try:
            now = source_of(self._spec, self._plugin.module)
        except (PetbenchError, OSError):
            return ["its package is gone"]
        if now.digest == self._plan.source_hash:
            return []
        before = self._plan.source_files
        return sorted(name for name in before.keys() | now.files.keys() if before.get(name) != now.files.get(name))


def _comparable(facts: dict[str, Any] | Any, packages: Any) -> dict[str, str]:
    """Return the conditions in which two parts of a run can differ: what a whole run ends with is none of them."""
    source = {
        name: value
        for name, value in dict(facts.get("source", {})).items()
        if name not in (OUTSIDE_IDENTITY, CHANGED_MEANWHILE)
    }
    return conditions_of({**facts, "source": source, RESUMED: None, OWN_PACKAGES: None}, packages)


def _top_modules(spec: MethodSpec, plugin: Plugin) -> list[str]:
    modules = (plugin.module.partition(":")[0], home_of(spec.build))
    return [module.partition(".")[0] for module in modules]


def _tell(line: str) -> None:
    _LOG.warning("%s", line)
    sys.stderr.write(f"note: {line}\n")
