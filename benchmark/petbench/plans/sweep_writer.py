"""A sweep as the text of a TOML file, which `petbench.plans.sweep_file` reads back as the same sweep."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.methods.parameters import split_setting
from petbench.plans.alternatives import alternatives

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import MethodSpec
    from petbench.plans.sweep_request import MethodRequest, SweepRequest
    from petbench.registry import Registry

_ALWAYS = ("dataset", "split", "seeds", "folds")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def sweep_text(request: SweepRequest, registry: Registry) -> str:
    """Return a sweep as TOML: dataset, split, seeds and folds, and what else is not as it is by default.

    Raises:
        UsageError: a setting is null, which TOML has no word for.
    """
    lines = ["# petbench run --config this-file"]
    tables = {name: (of.preset, _settings(registry.method(name)[0], of)) for name, of in request.methods.items()}
    alike = len({json.dumps(table) for table in tables.values()}) == 1
    if alike:
        lines.append(f"methods = {_value(list(tables))}")
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        if field.name != "methods" and (field.name in _ALWAYS or value != field.default):
            lines.append(f"{field.name} = {_value(value)}")
    if alike:
        preset, settings = next(iter(tables.values()))
        lines += [f"preset = {_value(preset)}"] if preset else []
        lines += _table("settings", settings) if settings else []
    else:
        for name, (preset, settings) in tables.items():
            lines += _table(f"methods.{_key(name)}", {"preset": preset} if preset else {})
            lines += _table(f"methods.{_key(name)}.settings", settings) if settings else []
    return "\n".join(lines) + "\n"


def _settings(spec: MethodSpec, of: MethodRequest) -> dict[str, Any]:
    found = {}
    for setting in of.settings:
        key, text = split_setting(spec, setting)
        values = alternatives(spec, key, text)
        found[key] = values[0] if len(values) == 1 else values
    return found


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in values.items())]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    """Return a JSON value as TOML writes it."""
    if value is None:
        raise UsageError("TOML has no word for null: leave that setting out of the file, and give it with --set")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # as JSON writes it, but for one control character more that TOML forbids
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {_value(each)}' for key, each in value.items())}}}"
    return repr(value)
