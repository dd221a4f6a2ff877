"""The reference of the plugin contract, read from the code: hooks, classes with their fields, and the checks."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import re
import textwrap
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from petbench import hookspecs

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Everything whose fields or methods the contract's page lists, in its order.
CLASSES = (
    "petbench.contract.MethodSpec",
    "petbench.contract.DatasetShape",
    "petbench.contract.Range",
    "petbench.contract.Choice",
    "petbench.contract.Method",
    "petbench.scan.Scan",
    "petbench.contract.TrainingData",
    "petbench.contract.RunContext",
    "petbench.contract.Budget",
    "petbench.step_parameters.StepParameters",
    "petbench.step_parameters.SamplingParameters",
    "petbench.step_method.StepMethod",
    "petbench.step_method.Scans",
    "petbench.step_method.Batch",
    "petbench.step_method.Update",
    "petbench.step_method.Optimization",
    "petbench.intensity.IntensityMap",
    "petbench.methods.program.protocol.Job",
    "petbench.methods.scan_files.ScanFiles",
    "petbench.methods.program.protocol.Status",
    "petbench_datasets.specs.DatasetSpec",
    "petbench_datasets.sources.Fetch",
    "petbench_datasets.sources.Source",
    "petbench_datasets.sources.RemoteParticipant",
    "petbench_datasets.sources.RemoteFile",
    "petbench_datasets.sources.RawParticipant",
    "petbench_datasets.sources.Labels",
    "petbench_datasets.tasks.task.Task",
    "petbench_datasets.specs.Validation",
    "petbench_datasets.specs.Headroom",
    "petbench_datasets.specs.HeadroomRow",
    "petbench_datasets.specs.Predictable",
    "petbench_datasets.specs.OrganPrediction",
    "petbench.metric_spec.MetricSpec",
    "petbench.metric_spec.Case",
    "petbench.metric_spec.Measurement",
    "petbench.engine_spec.EngineSpec",
    "petbench.engine_spec.Engine",
    "petbench.engine_spec.Work",
    "petbench.engine_spec.Resources",
    "petbench.engine_spec.JobState",
    "petbench.run_events.ObserverSpec",
    "petbench.run_events.RunFacts",
    "petbench.run_events.RunStarted",
    "petbench.run_events.StepLogged",
    "petbench.run_events.Validated",
    "petbench.run_events.ExampleImages",
    "petbench.run_events.RunEnded",
)


@dataclasses.dataclass(frozen=True)
class Member:
    """One field, attribute or method: how it is written, what it is by default, and what it means."""

    name: str
    kind: str
    meaning: str
    default: str = ""


def hook_names() -> tuple[str, ...]:
    """Return the names of the hooks that a plugin may implement."""
    return tuple(name for name in vars(hookspecs) if name.startswith("petbench_"))


def hook_reference() -> str:
    """Return a table of the hooks."""
    rows = []
    for name in hook_names():
        function = getattr(hookspecs, name)
        signature = str(inspect.signature(function)).replace("'", "")
        rows.append(f"| `{name}{signature}` | {_first_paragraph(function)} |")
    return "| hook | what it does |\n| --- | --- |\n" + "\n".join(rows) + "\n"


def check_list() -> str:
    """Return a table of the conformance checks."""
    from petbench.registry import load_plugins
    from petbench.testing import checks

    spec, _ = load_plugins().method("identity")
    rows = [f"| `{check.name}` | {check.promise}. |" for check in checks(spec)]
    return "| check | promise |\n| --- | --- |\n" + "\n".join(rows) + "\n"


def job_reference() -> str:
    """Return how petbench and a program share a folder, as its package says."""
    import petbench.methods.program

    _, _, text = inspect.cleandoc(petbench.methods.program.__doc__ or "").partition("\n\n")
    before, _, rest = text.partition("::\n\n")
    tree = list(itertools.takewhile(lambda line: line.startswith(" "), rest.splitlines()))
    after = "\n".join(rest.splitlines()[len(tree) :]).replace(" `protocol` says what the two JSON files hold.", "")
    folder = textwrap.dedent("\n".join(tree))
    return f"{before}:\n\n```text\n{folder}\n```\n{after}\n"


def class_reference(dotted: str) -> str:
    """Return what a class is for and a table of its public members.

    Args:
        dotted: the class with its module, one of `CLASSES`.

    Raises:
        ValueError: a member has no description in the code.
    """
    module, _, name = dotted.rpartition(".")
    owner = getattr(importlib.import_module(module), name)
    listed = list(members(owner))
    for member in listed:
        if not member.meaning:
            raise ValueError(f"{dotted}.{member.name} is not described in the code")
    rows = [
        f"| `{member.name}` | `{member.kind}` | {f'`{member.default}`' if member.default else ''} "
        f"| {_escaped(_sentence(member.meaning))} |"
        for member in listed
    ]
    table = "| name | type | default | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    return f"{_first_paragraph(owner)}\n\n{table}"


def members(owner: type) -> Iterator[Member]:
    """Yield a class's public fields, attributes and methods in the code's order, inherited fields of data last."""
    described = _described(owner)
    if issubclass(owner, BaseModel):
        for name, field in owner.model_fields.items():
            kind = _plain(owner.__annotations__.get(name, ""))
            default = "" if field.is_required() else repr(field.default)
            yield Member(name, kind, field.description or described.get(name, ""), default)
        return
    defaults = {}
    if dataclasses.is_dataclass(owner):
        defaults = {field.name: _default(field) for field in dataclasses.fields(owner)}
    for name, kind in vars(owner).get("__annotations__", {}).items():
        yield Member(name, _plain(kind), described.get(name, ""), defaults.get(name, ""))
    for base in owner.__mro__[1:]:
        if dataclasses.is_dataclass(base):
            yield from members(base)
    for name, value in vars(owner).items():
        if name.startswith("_") or name in defaults or name in vars(owner).get("__annotations__", {}):
            continue
        function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        getter = function.fget if isinstance(function, property) else getattr(function, "func", None)
        if getter is not None:  # of a property, or of one that is computed once
            yield Member(name, _returned(getter), _first_paragraph(getter))
        elif inspect.isfunction(function):
            yield Member(f"{name}{_parameters(function)}", _returned(function), _first_paragraph(function))
        elif name in described:
            yield Member(name, type(value).__name__, described[name], repr(value))


def _described(owner: type) -> dict[str, str]:
    """Return the meaning of each attribute, from the docstring's part `Attributes:`."""
    _, _, part = inspect.cleandoc(owner.__doc__ or "").partition("Attributes:\n")
    block = re.match(r"((?: {4}.*\n?|\n)+)", part)
    entries = re.split(r"^ {4}(?=\w+: )", block.group() if block else "", flags=re.MULTILINE)
    pairs = (entry.partition(": ") for entry in entries if entry.strip())
    return {name: " ".join(meaning.split()) for name, _, meaning in pairs}


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    return repr(field.default_factory()) if field.default_factory is not dataclasses.MISSING else ""


def _parameters(function: Any) -> str:
    parameters = [value for name, value in inspect.signature(function).parameters.items() if name != "self"]
    shown, starred = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        prefix = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        shown.append(f"{prefix}{parameter.name}{default}")
    return f"({', '.join(shown)})"


def _returned(function: Any) -> str:
    return _plain(inspect.signature(function).return_annotation)


def _first_paragraph(thing: object) -> str:
    text = inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    return " ".join(text.partition("\n\n")[0].split())


def _sentence(text: str) -> str:
    begin = text if text.startswith("`") else f"{text[0].upper()}{text[1:]}"
    return f"{begin.rstrip('.')}."


def _plain(annotation: object) -> str:
    return str(getattr(annotation, "__name__", annotation)).strip("'\"")


def _escaped(text: str) -> str:
    """Return prose for a cell of a table; within backticks a bar is no border."""
    return text if "`" in text else text.replace("|", r"\|").replace("<", "&lt;")
