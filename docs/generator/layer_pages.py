"""The layers of the harness, from the contract that `make lint` enforces."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
HARNESS = REPOSITORY / "benchmark" / "petbench"


def layers() -> list[list[str]]:
    """Return the layers from top to bottom, each with its packages and modules."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    return [line.replace(":", "|").replace(" ", "").split("|") for line in contract["layers"]]


def layer_reference() -> str:
    """Return a table of the layers, a row for each package or module, with the first line of its docstring."""
    rows = ["| layer | package or module | what it holds |", "| ---: | --- | --- |"]
    for number, names in enumerate(layers()):
        rows += [
            f"| {len(layers()) - number if position == 0 else ''} | `{name}` | {_first_line(name)} |"
            for position, name in enumerate(names)
        ]
    return "\n".join(rows)


def _first_line(name: str) -> str:
    path = HARNESS / name / "__init__.py" if (HARNESS / name).is_dir() else HARNESS / f"{name}.py"
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ")
