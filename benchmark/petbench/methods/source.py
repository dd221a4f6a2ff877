"""What code a method consists of, as hashes: `docs/identity.md` says what is among it and what cannot be known."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.errors import PluginError
from petbench.methods.code_files import Unit, unit_of
from petbench.methods.local_code import NOT_A_METHODS, units_imported_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from petbench.contract import MethodSpec

PACKAGE = "{package}"
"""Stands for the folder of the plugin's own code in `MethodSpec.sources`, `requirements` and `command`."""


@dataclass(frozen=True, slots=True)
class Source:
    """The code of a method.

    Attributes:
        digest: SHA-256 over all of it; of a method of one package that of its package alone.
        files: the SHA-256 of each file, by the name of its package and its path there.
    """

    digest: str
    files: Mapping[str, str]


def source_of(spec: MethodSpec, module: str) -> Source:
    """Return the code of a method: its plugin's package and all other local code that belongs to it.

    That is the package of the function that builds it, the local packages that these import, directly or through each
    other, what the spec's `sources` name, and local files that its command or its requirements name.

    Args:
        spec: of the method.
        module: the dotted name that its plugin's entry point refers to, such as `petbench_gan` or
            `my_plugin.register:plugin`.

    Raises:
        PluginError: something of it cannot be found.
    """
    own = _package(module)
    built_by = _top(home_of(spec.build))
    named = {unit.name: unit for unit in _named(spec, own)}
    begun = [own, *named.values()]
    if built_by not in {"", own.name, *named, *NOT_A_METHODS}:
        begun.append(_package(built_by))
    others = {unit.name: unit for unit in begun[1:]} | units_imported_by(begun)
    found = {unit.name: unit.hashes() for unit in (own, *others.values())}
    digests = {name: Unit.digest(hashes) for name, hashes in found.items()}
    files = {f"{name}/{file}" if file != f"{name}.py" else file: of for name in found for file, of in found[name]}
    digest = digests.pop(own.name)
    if digests:
        whole = hashlib.sha256(f"{digest}\n".encode())
        for name, other in sorted(digests.items()):
            whole.update(f"{name} {other}\n".encode())
        digest = whole.hexdigest()
    return Source(digest, files)


def home_of(build: Any) -> str:
    """Return the module of the function that builds a method, looked for inside `functools.partial`; "" for None."""
    while isinstance(build, functools.partial):
        build = build.func
    return "" if build is None else str(getattr(build, "__module__", type(build).__module__))


def _top(module: str) -> str:
    return module.partition(":")[0].partition(".")[0]


def _package(module: str) -> Unit:
    """Return the top-level package of a module, with all that lies in it, weights included."""
    top = _top(module)
    spec = importlib.util.find_spec(top)  # finds a top-level module without importing it
    unit = None if spec is None else unit_of(top, spec)
    if unit is None:
        raise PluginError(f"the source of the plugin {module!r} cannot be found; install it again")
    return Unit(unit.name, unit.places)


def _named(spec: MethodSpec, own: Unit) -> Iterator[Unit]:
    """Yield what the spec names beside the plugin's package."""
    folder = own.places[0] if own.places[0].is_dir() else own.places[0].parent
    for text in spec.sources:
        if text.isidentifier():
            yield _package(text)
            continue
        path = Path(text.replace(PACKAGE, str(folder)))
        if PACKAGE not in text or not path.exists():
            raise PluginError(
                f"{spec.name!r} has the source {text!r}, which is neither a top-level package nor a file or folder "
                f"that begins with {PACKAGE}/"
            )
        yield Unit(text, (path,))
    for text in (*spec.requirements, *spec.command):
        path = Path(text.replace(PACKAGE, str(folder)))
        if "/" in text and path.exists() and not path.resolve().is_relative_to(folder.resolve()):
            yield Unit(text, (path,))
