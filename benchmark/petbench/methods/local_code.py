"""The local code that a package is made of beside its own: what its import statements lead to, without importing it.

Local is what lies in no folder of installed packages: a folder on `PYTHONPATH`, an editable install. What is installed
has a version, which is recorded; a local file has none, and may change between two runs.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.methods.code_files import Unit, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_A_METHODS = frozenset({"petbench", "petbench_datasets", "petbench_leaderboard", "petbench_phantom"})
"""The harness itself, whose version and commit are recorded with every run."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})

_COMPILED_BY_TORCH = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Where compilers keep what they made of a network: no code of an author's, though it lies where no package does."""


def units_imported_by(units: Iterable[Unit]) -> dict[str, Unit]:
    """Return the local top-level packages and modules that some import, directly or through each other.

    An import that only runs under a condition counts; one by a name made up while running (`importlib`) is not seen.

    Args:
        units: where to begin; they are not among those returned.
    """
    begun = list(units)
    known = {unit.name for unit in begun}
    found: dict[str, Unit] = {}
    left = begun
    while left:
        names = {name for unit in left for name in _imported_names(unit)} - known - NOT_A_METHODS
        names -= sys.stdlib_module_names
        known |= names
        left = [unit for name in sorted(names) if (unit := local_unit(name)) is not None]
        found |= {unit.name: unit for unit in left}
    return found


def loaded_units(before: Iterable[str], known: Iterable[str]) -> list[Unit]:
    """Return the local packages and modules that this process has imported since some moment.

    Args:
        before: names in `sys.modules` at that moment.
        known: top-level names that are of no interest.
    """
    names = {name.partition(".")[0] for name in set(sys.modules).difference(before)}
    names -= {*known, *NOT_A_METHODS, *sys.stdlib_module_names}
    return [unit for name in sorted(names) if (unit := local_unit(name)) is not None]


def local_unit(name: str) -> Unit | None:
    """Return a top-level package or module that is local; None for one that is installed or cannot be found."""
    try:
        spec = importlib.util.find_spec(name)  # finds a top-level module without importing it
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    unit = unit_of(name, spec)
    return unit if unit is not None and all(is_local(path) for path in unit.places) else None


def is_local(path: Path) -> bool:
    """Return whether a path lies neither in a folder of installed packages nor in the standard library."""
    resolved = path.resolve()
    if _INSTALLED.intersection(resolved.parts) or _is_compiler_output(resolved):
        return False
    standard = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    return not any(resolved.is_relative_to(folder) for folder in standard)


def _is_compiler_output(path: Path) -> bool:
    """Return whether a path lies in a cache of torch's compilers, wherever the environment or a default puts it."""
    named = [Path(folder).resolve() for name in _COMPILED_BY_TORCH if (folder := os.environ.get(name))]
    default = any(part == ".triton" or part.startswith("torchinductor_") for part in path.parts)
    return default or any(path.is_relative_to(folder) for folder in named)


def _imported_names(unit: Unit) -> set[str]:
    """Return the top-level names that the Python files of a package import."""
    return {name for file, read in unit.files() if file.endswith((".py", ".pyi")) for name in _imported_in(read())}


@functools.lru_cache(maxsize=4096)
def _imported_in(code: bytes) -> frozenset[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()  # no Python: importing it would fail as well
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found)
