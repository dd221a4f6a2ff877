"""Turn a preset and `--set key=value` into the validated parameters of a method."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from petbench.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Budget, DatasetShape, MethodSpec

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
        key, text = split_setting(spec, setting)
        values[key] = value_of(text)
    if budget is not None and budget.images is not None and "images" in fields:
        values["images"] = budget.images
    return validate(spec, values)


def split_setting(spec: MethodSpec, setting: str) -> tuple[str, str]:
    """Return the parameter and the text of a `--set key=value`.

    Raises:
        UsageError: it is written in another way, or the method has no such parameter.
    """
    key, equals, text = setting.partition("=")
    if not equals:
        raise UsageError(f"--set {setting!r} is not understood; write --set key=value")
    fields = spec.parameters.model_fields if spec.parameters else {}
    if key not in fields:
        raise UnknownNameError(f"parameter of {spec.name}", key, fields)
    return key, text


def takes(spec: MethodSpec, key: str, value: object) -> bool:
    """Return whether a parameter takes a value, whatever the others are."""
    from pydantic import ValidationError

    assert spec.parameters is not None, "it has the parameter"
    try:
        spec.parameters.model_validate({key: value})
    except ValidationError as error:
        return all(each["loc"][:1] != (key,) for each in error.errors())
    return True


def changed_from_preset(spec: MethodSpec, preset: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that have another value than the preset gives; `images` is stated as the budget."""
    fields = spec.parameters.model_fields if spec.parameters else {}
    without_default = {name: values[name] for name, field in fields.items() if field.is_required()}
    of_preset = validate(spec, without_default | dict(spec.presets.get(preset, {})))
    return {name: value for name, value in values.items() if name != "images" and value != of_preset.get(name)}


def validate(spec: MethodSpec, values: dict[str, Any]) -> dict[str, Any]:
    """Check `values` against the method's parameter model and return them with the defaults written out."""
    from pydantic import ValidationError

    if spec.parameters is None:
        return {}
    try:
        return spec.parameters.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        name, message = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] == "missing" else f" (given: {first['input']!r})"
        text = f"parameter {name!r} of {spec.name}: {message[0].lower()}{message[1:]}{given}"
        if not name:  # of several parameters together
            text = f"parameters of {spec.name}: {message}"
        raise UsageError(f"{text}; `petbench methods {spec.name}` lists them") from None


def default_budget(values: dict[str, Any]) -> Budget:
    """Return the budget that the parameters name; a method without a parameter `images` has no training budget."""
    from petbench.contract import Budget

    return Budget(images=int(values.get("images", 0)))


def value_of(text: str) -> Any:
    """Return what a text after `key=` stands for: a JSON value, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
