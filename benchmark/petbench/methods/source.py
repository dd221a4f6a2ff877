"""What code a plugin consists of, as one hash."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from petbench.errors import PluginError


def source_hash(module: str) -> str:
    """Return the SHA-256 over the names and bytes of all files of a plugin's top-level package, weights included.

    Args:
        module: the dotted name its entry point refers to, such as `petbench_gan` or `my_plugin.register:plugin`.
    """
    top = module.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top)  # finds a top-level module without importing it
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise PluginError(f"the source of the plugin {module!r} cannot be found; install it again")
    if spec.submodule_search_locations:
        folders = [Path(folder) for folder in spec.submodule_search_locations]
        files = [
            (path.relative_to(folder).as_posix(), path)
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ]
    else:
        files = [(f"{top}.py", Path(str(spec.origin)))]
    digest = hashlib.sha256()
    for name, path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()


def home_of(build: Any) -> str:
    """Return the module of the function that builds a method, looked for inside `functools.partial`; "" for None."""
    while isinstance(build, functools.partial):
        build = build.func
    return "" if build is None else str(getattr(build, "__module__", type(build).__module__))
