"""Turn a preset and `--set key=value` into the validated parameters of a method."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench.errors import PluginError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Budget, DatasetShape, MethodSpec, RunnableMethod

NO_PRESET = "default"


def choose_preset(spec: MethodSpec, asked: str | None, shape: DatasetShape) -> str:
    """Return the preset that was asked for, or the one the method chooses for a dataset of this size."""
    if asked is None:
        asked = spec.choose_preset(shape) if spec.choose_preset else NO_PRESET
    if asked != NO_PRESET and asked not in spec.presets:
        raise UnknownNameError(f"preset of {spec.name}", asked, [*spec.presets, NO_PRESET])
    return asked


def resolve(spec: MethodSpec, preset: str, settings: Sequence[str], budget: Budget | None) -> dict[str, Any]:
    """Return every parameter of a run: defaults, then the preset, then `--set`, then a budget in images.

    Raises:
        UsageError: a parameter does not exist or is out of its range.
    """
    values: dict[str, Any] = dict(spec.presets.get(preset, {}))
    fields = spec.parameters.model_fields if spec.parameters else {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting!r} is not understood; write --set key=value")
        if key not in fields:
            raise UnknownNameError(f"parameter of {spec.name}", key, fields)
        values[key] = _value(text)
    if budget is not None and budget.images is not None and "images" in fields:
        values["images"] = budget.images
    return validate(spec, values)


def validate(spec: MethodSpec, values: dict[str, Any]) -> dict[str, Any]:
    """Check `values` against the method's parameter model and return them with the defaults written out."""
    from pydantic import ValidationError

    if spec.parameters is None:
        return {}
    try:
        return spec.parameters.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or spec.name
        given = "" if first["type"] == "missing" else f" (given: {first['input']!r})"
        text = f"parameter {name!r} of {spec.name}: {first['msg'][0].lower()}{first['msg'][1:]}{given}"
        raise UsageError(f"{text}; `petbench methods {spec.name}` lists them") from None


def build(spec: MethodSpec, values: dict[str, Any]) -> RunnableMethod:
    """Build the method; one with an environment or a program of its own is driven through files."""
    return _build_program(spec, values) if spec.is_program else build_here(spec, values)


def build_here(spec: MethodSpec, values: dict[str, Any]) -> RunnableMethod:
    """Build the method in this process, wherever its spec would have it run.

    Raises:
        PluginError: the plugin's own code fails to give a method.
    """
    from petbench.methods.plain_method import PlainMethod
    from petbench.step_method import StepMethod
    from petbench.training.step_trainer import StepTrainer

    if spec.build is None:
        raise PluginError(f"the method {spec.name!r} has no build; give it one, or a command")
    parameters = spec.parameters.model_validate(values) if spec.parameters else None
    method: Any = spec.build(parameters)
    if isinstance(method, StepMethod):
        if own := [verb for verb in ("fit", "predict") if hasattr(method, verb)]:
            raise PluginError(
                f"the StepMethod of {spec.name!r} has a {own[0]}() of its own, which nobody would call; "
                f"write training_step() and translate(), or all four verbs without StepMethod"
            )
        return StepTrainer(method)
    for verb in ("fit", "predict", "state_dict", "load_state_dict"):
        if not callable(getattr(method, verb, None)):
            raise PluginError(f"the method {spec.name!r} has no {verb}(); see petbench.contract.Method")
    return PlainMethod(method)


def _build_program(spec: MethodSpec, values: dict[str, Any]) -> RunnableMethod:
    from petbench.methods.program.method import ProgramMethod, package_folder
    from petbench.methods.source import home_of
    from petbench.registry import load_plugins

    found = load_plugins().methods().get(spec.name)
    modules = [found[1].module] if found is not None else []
    return ProgramMethod(spec, values, package_folder([*modules, home_of(spec.build) or "petbench"]))


def default_budget(values: dict[str, Any]) -> Budget:
    """Return the budget that the parameters name; a method without a parameter `images` has no training budget."""
    from petbench.contract import Budget

    return Budget(images=int(values.get("images", 0)))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
