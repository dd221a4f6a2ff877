"""The engine that `--on` names, with all that was asked for beside it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from petbench.engine_spec import Resources
from petbench.errors import PetbenchError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.engine_spec import Engine, EngineSpec
    from petbench.registry import Registry
    from petbench.runs.job_note import JobNote

TRIES = 3


@dataclass(frozen=True, slots=True)
class ChosenEngine:
    """An engine, and what its jobs are to have.

    Attributes:
        spec: of the engine.
        address: as typed after its name and a colon; may be empty.
        options: as typed after `--engine-option`.
        resources: of each job.
        tries: how often a run is submitted, the first time included.
    """

    spec: EngineSpec
    address: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    tries: int = TRIES

    @classmethod
    def choose(
        cls, on: str, registry: Registry, options: Sequence[str] = (), *, resources: Resources, tries: int = TRIES
    ) -> Self:
        """Return the engine of `NAME` or `NAME:ADDRESS`.

        Args:
            on: as typed.
            registry: the installed plugins.
            options: `KEY=VALUE`, each.
            resources: of each job.
            tries: how often a run is submitted.

        Raises:
            UnknownNameError: no engine is called so.
            UsageError: an option is no `KEY=VALUE`, or is given twice.
            PetbenchError: the engine lacks what it needs.
        """
        name, _, address = on.partition(":")
        found = registry.engines()
        if name not in found:
            raise UnknownNameError("engine", name, found)
        spec, _plugin = found[name]
        given: dict[str, str] = {}
        for option in options:
            key, equals, value = option.partition("=")
            if not key or not equals:
                raise UsageError(
                    f"--engine-option {option!r} is not understood; write KEY=VALUE, such as partition=gpu"
                )
            if key in given:
                raise UsageError(f"--engine-option {key} is given twice")
            given[key] = value
        for module in spec.imports:
            if importlib.util.find_spec(module) is None:
                raise PetbenchError(f"--on {name} needs {module}: pip install '{spec.install or module}'")
        return cls(spec, address, given, resources, tries)

    @classmethod
    def of_note(cls, note: JobNote, registry: Registry) -> Self:
        """Return the engine that a run was handed over to."""
        options = [f"{key}={value}" for key, value in note.options.items()]
        return cls.choose(note.name, registry, options, resources=note.resources, tries=note.tries)

    @property
    def name(self) -> str:
        """The engine as it is typed."""
        return f"{self.spec.name}:{self.address}" if self.address else self.spec.name

    def build(self) -> Engine:
        """Return the engine itself.

        Raises:
            PetbenchError: it refuses the address, an option or the resources, or is not there.
        """
        return self.spec.build(self.address, self.options, self.resources)
