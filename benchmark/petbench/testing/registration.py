"""Checks of what a plugin declares about its method before anything heavy is loaded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing
from typing import TYPE_CHECKING

from petbench.contract import API_VERSION, DatasetShape, Supervision
from petbench.errors import PetbenchError
from petbench.methods import parameters
from petbench.methods.search_space import check_space
from petbench.methods.source import home_of
from petbench.testing.errors import ConformanceError, NotApplicable
from petbench.testing.subject import expect

if TYPE_CHECKING:
    from petbench.contract import MethodSpec
    from petbench.testing.subject import Subject

HEAVY = ("torch", "tensorflow", "jax", "sklearn")
IMPORT_SECONDS = 120

_REGISTER = """
import importlib, json, sys
path, module, attribute, heavy = json.loads(sys.argv[1])
sys.path[:] = path
plugin = importlib.import_module(module)
for name in filter(None, attribute.split(".")):
    plugin = getattr(plugin, name)
for hook in ("petbench_methods", "petbench_datasets"):
    list(getattr(plugin, hook, list)())
print("\\n" + json.dumps([name for name in heavy if name in sys.modules]))
"""


def specification(subject: Subject) -> str:
    """The spec says what the method is: a slug, a summary, a supervision and this contract's version."""
    spec = subject.spec
    expect(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.name), f"the name {spec.name!r} is no slug")
    expect(spec.summary.strip() and "\n" not in spec.summary, "has no summary of one line")
    expect(spec.supervision in typing.get_args(Supervision), f"has the supervision {spec.supervision!r}")
    expect(spec.api == API_VERSION, f"is for API {spec.api}, this petbench has API {API_VERSION}")
    return f"{spec.supervision}, {spec.licence or 'no licence given'}"


def light_registration(subject: Subject) -> str:
    """A fresh interpreter registers the plugin, and torch is not loaded by that."""
    module, _, attribute = _module_of(subject.spec).partition(":")
    asked = json.dumps([sys.path, module, attribute, HEAVY])
    result = subprocess.run(
        [sys.executable, "-c", _REGISTER, asked], capture_output=True, text=True, timeout=IMPORT_SECONDS
    )
    lines = result.stderr.strip().splitlines() or ["it gave no message"]
    expect(result.returncode == 0, f"{module} does not import in a fresh interpreter: {lines[-1]}")
    loaded = json.loads(result.stdout.strip().splitlines()[-1])
    expect(not loaded, f"registering {module} imports {', '.join(loaded)}: import it inside `build`'s function")
    return module


def documented_parameters(subject: Subject) -> str:
    """Every parameter has a default and a description, and every preset and what a search may try is valid."""
    spec = subject.spec
    if spec.parameters is None:
        expect(not spec.presets, "has presets, but no parameters")
        raise NotApplicable("it has no parameters")
    for name, field in spec.parameters.model_fields.items():
        expect(not field.is_required(), f"the parameter {name!r} has no default")
        expect(field.description, f"the parameter {name!r} has no description: Field(..., description=...)")
    for preset in (parameters.NO_PRESET, *spec.presets):
        try:
            parameters.resolve(spec, preset, (), None)
        except PetbenchError as error:
            raise ConformanceError(f"the preset {preset!r} is not valid: {error}") from None
    for shape in (DatasetShape(3, 300, (64, 64)), DatasetShape(1000, 400_000, (256, 256))):
        parameters.choose_preset(spec, None, shape)
    try:
        check_space(spec)
    except PetbenchError as error:
        raise ConformanceError(f"its search is not valid: {error}") from None
    return f"{len(spec.parameters.model_fields)} parameters, {len(spec.presets)} presets"


def _module_of(spec: MethodSpec) -> str:
    """Return the entry point of the installed plugin that brings the method, else the module that builds it."""
    from petbench.registry import load_plugins

    found = load_plugins().methods().get(spec.name)
    if found is not None and home_of(found[0].build) == home_of(spec.build):
        return found[1].module
    return home_of(spec.build)
