"""Write a plugin package from templates; they are read as package data, so that a zipped petbench can do it too."""

from __future__ import annotations

import importlib.resources
import keyword
import re
import sys
from typing import TYPE_CHECKING, Literal, get_args

from petbench.errors import UsageError
from petbench_datasets.files import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

Kind = Literal["step", "fit", "pretrained"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Templates are no Python files: they are not linted, typed or collected before they are filled in.
SUFFIX = ".jinja"
_PLACEHOLDER = "MODULE"


def create(name: str, parent: Path, kind: Kind = "step") -> Path:
    """Write the package of a method called `name` into a new folder `parent/name` and return the folder.

    Args:
        name: a slug, such as `my-unet`.
        parent: an existing folder.
        kind: `step` trains step by step with petbench's loop, `fit` with its own, `pretrained` not at all.

    Raises:
        UsageError: the name is no slug or cannot be a module's, or the folder exists. Nothing is written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"{name!r} is no name for a method; use lower-case letters, digits and hyphens, as in my-unet")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module == "petbench":
        raise UsageError(f"{name!r} would make a module called {module}, which Python has already; choose another name")
    target = parent / name
    if target.exists():
        raise UsageError(f"{target} exists; choose another name, or remove it")
    files = dict(render(name, kind))
    with atomic_folder(target) as temporary:
        for relative, text in files.items():
            path = temporary / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return target


def render(name: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Yield the relative path and the text of every file of a package."""
    import jinja2

    import petbench

    module = name.replace("-", "_")
    facts = {
        "name": name,
        "module": module,
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "kind": kind,
        "version": petbench.__version__,
    }
    # What is filled in is a slug, and none of the texts is HTML.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    templates = importlib.resources.files("petbench.scaffold") / "templates"
    for folder in ("common", kind):
        for relative, template in _files(templates / folder, ""):
            text = environment.from_string(template.read_text(encoding="utf-8")).render(facts)
            yield relative.removesuffix(SUFFIX).replace(_PLACEHOLDER, module), text


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield prefix + entry.name, entry
