"""What the process of a method may see and use on this machine."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from petbench.processes.sandbox import Limits, Sandbox
from petbench.runs.options import imports_from_here
from petbench.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PART_OF_MEMORY = 0.9
PART_OF_FREE_DISK = 0.5
MOST_DISK_BYTES = 100 * 10**9
DEFAULT_SECONDS = 24 * 3600.0
"""After which a run that is shut in is stopped where no time limit was given."""

_PATHS = ("PYTHONPATH", "PETBENCH_INHERITED_PATH")
_HERE = frozenset({"PWD", "OLDPWD"})


def method_sandbox(
    python: str,
    environment: Mapping[str, str],
    *,
    isolated: bool,
    home: Path,
    hidden: Iterable[Path],
    visible: Iterable[Path],
) -> Sandbox:
    """Return what the process of a method is started in.

    Args:
        python: the interpreter.
        environment: the variables of the user.
        isolated: whether the process is to be shut in, with limits of memory and disk.
        home: petbench's, which it never sees.
        hidden: further folders that it must not see, such as the dataset's.
        visible: folders beside those of packages that it may read.
    """
    variables = handed_on(environment)
    if not isolated:
        return Sandbox(python, _importing_from_here(variables) if imports_from_here() else variables)
    return Sandbox(
        python,
        variables,
        isolated=True,
        readable=(*_packages(python, variables), *(path.resolve() for path in visible if path.exists())),
        hidden=(home.resolve(), *(path.resolve() for path in hidden)),
        limits=_limits(home),
        devices=tuple(sorted((*Path("/dev").glob("nvidia*"), *Path("/dev").glob("dri"), *Path("/dev").glob("kfd")))),
    )


def handed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a method's process is given: none leads to petbench's home or to where the user is."""
    left_out = {*Settings.variables(), *_HERE}
    found = {name: value for name, value in environment.items() if name not in left_out}
    for name in _PATHS:
        if name in found:  # the process works in another folder
            parts = [str(Path(part).absolute()) for part in found[name].split(os.pathsep) if part]
            found[name] = os.pathsep.join(parts)
    return found


def _importing_from_here(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables of a process that works in another folder and imports from this one, as this process does."""
    there = variables.get(_PATHS[0])
    return {**variables, _PATHS[0]: os.pathsep.join([str(Path.cwd()), *([there] if there else [])])}


def _packages(python: str, variables: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the folders of the interpreter and of every package that it finds."""
    interpreter = Path(python)
    found = [Path(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, sysconfig.get_path("stdlib"))]
    found += [interpreter.parent.parent, interpreter.resolve().parent.parent]
    here = Path.cwd()
    listed = [path for name in _PATHS for path in variables.get(name, "").split(os.pathsep)]
    # The folder that petbench was started in is on the path of some processes, and may be anything.
    found += [Path(path) for path in (*listed, *(each for each in sys.path if Path(each).absolute() != here)) if path]
    return tuple(dict.fromkeys(path.absolute() for path in found if path.exists()))


def _limits(home: Path) -> Limits:
    disk = min(MOST_DISK_BYTES, int(PART_OF_FREE_DISK * shutil.disk_usage(home).free))
    return Limits(memory_bytes=int(PART_OF_MEMORY * psutil.virtual_memory().total), disk_bytes=disk)
