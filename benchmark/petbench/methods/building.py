"""Build an untrained method from its spec and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.contract import Method, MethodSpec

_VERBS = ("fit", "predict", "state_dict", "load_state_dict")


def build_method(spec: MethodSpec, values: Mapping[str, Any], *, module: str | None, environments: Path) -> Method:
    """Build a method; one with an environment or a program of its own is driven through files.

    Args:
        spec: of the method.
        values: its parameters, validated.
        module: of the plugin's entry point, through which its files are found; None for that of the spec's `build`.
        environments: folder of methods' virtual environments.

    Raises:
        PluginError: the plugin's own code fails to give a method.
    """
    if not spec.is_program:
        return build_in_this_process(spec, values)
    from petbench.methods.program.method import ProgramMethod, package_folder

    modules = [*([module] if module else []), getattr(spec.build, "__module__", "petbench")]
    return ProgramMethod(spec, values, package_folder(modules), environments)


def build_in_this_process(spec: MethodSpec, values: Mapping[str, Any]) -> Method:
    """Build a method in this process, wherever its spec would have it run.

    Raises:
        PluginError: the plugin's own code fails to give a method.
    """
    if spec.build is None:
        raise PluginError(f"the method {spec.name!r} has no build; give it one, or a command")
    parameters = spec.parameters.model_validate(values) if spec.parameters else None
    method: Method = spec.build(parameters)
    for verb in _VERBS:
        if not callable(getattr(method, verb, None)):
            raise PluginError(f"the method {spec.name!r} has no {verb}(); see petbench.contract.Method")
    return method
