"""The reference of petbench from Python, read from the code: its functions with their arguments, and its objects."""

from __future__ import annotations

import inspect
import re

import petbench
from contract_pages import class_reference

#: What the functions return and work with, in the page's order.
OBJECTS = (
    "petbench.api.pairs.OpenedDataset",
    "petbench.api.pairs.OpenedPair",
    "petbench.api.runs.Run",
    "petbench.api.scores.Scores",
    "petbench.api.boards.Ranking",
)


def functions() -> tuple[str, ...]:
    """Return the names of the functions that a notebook calls: all that petbench exports and no plugin needs."""
    exported = {name: getattr(petbench, name) for name in petbench.__all__}
    return tuple(
        name for name, thing in exported.items() if getattr(thing, "__module__", "").startswith("petbench.api")
    )


def function_reference(name: str) -> str:
    """Return how a function, or a class that is called, is written, what it does, takes and raises.

    Args:
        name: as `petbench` exports it.

    Raises:
        ValueError: an argument has no description in the code.
    """
    thing = getattr(petbench, name)
    paragraphs, parts = _parts(inspect.getdoc(thing) or "")
    rows = []
    for parameter in inspect.signature(thing).parameters.values():
        meaning = parts.get("Args", {}).get(parameter.name, "")
        if not meaning:
            raise ValueError(f"petbench.{name}({parameter.name}) is not described in the code")
        default = "" if parameter.default is parameter.empty else f"`{_default(parameter.default)}`"
        rows.append(f"| `{parameter.name}` | {default} | {meaning[0].upper()}{meaning[1:]} |")
    table = "| argument | default | meaning |\n| --- | --- | --- |\n" + "\n".join(rows)
    raised = "\n".join(f"- raises `{kind}`: {why}" for kind, why in parts.get("Raises", {}).items())
    return "\n\n".join(filter(None, (*paragraphs, table, raised))) + "\n"


def object_reference() -> str:
    """Return a table of the members of each object."""
    return "\n".join(f"### {dotted.rpartition('.')[2]}\n\n{class_reference(dotted)}" for dotted in OBJECTS)


def _parts(text: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Return the paragraphs of a docstring, and the entries of each of its parts by their names."""
    paragraphs: list[str] = []
    parts: dict[str, dict[str, str]] = {}
    for block in re.split(r"\n\n(?=\S)", text):
        heading, _, rest = block.partition("\n")
        if heading not in ("Args:", "Raises:", "Returns:", "Attributes:"):
            paragraphs.append(" ".join(block.split()))
            continue
        entries = re.split(r"^ {4}(?=\w+: )", rest, flags=re.MULTILINE)
        pairs = (entry.partition(": ") for entry in entries if ": " in entry)
        parts[heading.rstrip(":")] = {name: " ".join(meaning.split()) for name, _, meaning in pairs}
    return paragraphs, parts


def _default(value: object) -> str:
    return getattr(value, "__name__", None) or repr(value)
