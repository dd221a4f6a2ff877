"""From a method's spec and its parameters to a method that the harness can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.contract import MethodSpec
    from petbench.training.runnable_method import RunnableMethod


def build_method(
    spec: MethodSpec, values: Mapping[str, Any], *, module: str | None, environments: Path
) -> RunnableMethod:
    """Build the method; one with an environment or a program of its own is driven through files.

    Args:
        spec: of the method.
        values: its parameters, validated.
        module: of the plugin's entry point, through which its files are found; None for that of the spec's `build`.
        environments: folder of methods' virtual environments.

    Raises:
        PluginError: the plugin's own code fails to give a method.
    """
    if not spec.is_program:
        return build_in_process(spec, values)
    from petbench.methods.program.method import ProgramMethod, package_folder
    from petbench.methods.source import home_of

    modules = [*([module] if module else []), home_of(spec.build) or "petbench"]
    return ProgramMethod(spec, values, package_folder(modules), environments)


def build_in_process(spec: MethodSpec, values: Mapping[str, Any]) -> RunnableMethod:
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
