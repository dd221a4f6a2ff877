"""A virtual environment made from a method's requirements, kept by their hash and used again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from petbench.errors import PluginError
from petbench.settings import Settings
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

INHERITED = "PETBENCH_INHERITED_PATH"
"""Variable with the folders that an environment looks into after its own; unset, it sees its own packages alone."""

_READY = "petbench-ready.json"
_HOOK = (
    "import os, sys; sys.path.extend(folder for folder in os.environ.get"
    f"({INHERITED!r}, '').split(os.pathsep) if folder and folder not in sys.path)\n"
)


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def variables(*, inherits: bool) -> dict[str, str]:
    """Return the environment variables for a process of a virtual environment.

    What leads to petbench's home is left out, and so is `PYTHONPATH`, which would hide the environment's own packages.

    Args:
        inherits: whether it sees, after its own, the packages that this process sees.
    """
    hidden = {"PYTHONPATH", "PYTHONHOME", INHERITED, "VIRTUAL_ENV", *Settings.variables()}
    found = {name: value for name, value in os.environ.items() if name not in hidden}
    return found | ({INHERITED: os.pathsep.join(_own_folders())} if inherits else {})


def make_environment(requirements: Sequence[str], environments: Path, *, inherits: bool) -> Path:
    """Return the interpreter of the environment with these requirements, making it first where there is none.

    Args:
        requirements: as `pip install` takes them; one that is a path is known by its content.
        environments: folder of all such environments.
        inherits: whether what is installed beside petbench counts as installed there too.

    Raises:
        PluginError: the requirements cannot be installed.
    """
    folder = environments / _key(requirements, inherits=inherits)
    environments.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / _READY).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            create(folder)
            install(folder, requirements, inherits=inherits)
            write_text(folder / _READY, json.dumps({"requirements": list(requirements), "inherits": inherits}) + "\n")
    return python_of(folder)


def packages_in(requirements: Sequence[str], environments: Path, *, inherits: bool) -> dict[str, str]:
    """Return what the environment with these requirements holds itself: distributions and their versions, by name.

    Args:
        requirements: as for `make_environment`; nothing is made.
        environments: folder of all such environments.
        inherits: as for `make_environment`.
    """
    site_packages = _site_packages(environments / _key(requirements, inherits=inherits))
    found = importlib.metadata.distributions(path=[str(site_packages)])
    return dict(sorted((str(each.metadata["Name"]), each.version) for each in found))


def create(folder: Path) -> Path:
    """Make an empty virtual environment that can inherit packages, and return its interpreter."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    write_text(_site_packages(folder) / "petbench-inherited.pth", _HOOK)
    return python_of(folder)


def install(folder: Path, requirements: Sequence[str], *, inherits: bool) -> None:
    """Install requirements into an environment with this process's pip.

    Raises:
        PluginError: pip refuses; its last line says why.
    """
    if not requirements:
        return
    command = [sys.executable, "-m", "pip", "--python", str(python_of(folder)), "--disable-pip-version-check"]
    command += ["install", "--quiet", "--no-input", *requirements]
    result = subprocess.run(command, env=variables(inherits=inherits), capture_output=True, text=True)
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no reason"]
        raise PluginError(f"{' '.join(requirements)} cannot be installed: {lines[-1].removeprefix('ERROR: ')}")


def _site_packages(folder: Path) -> Path:
    paths = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))


def _key(requirements: Sequence[str], *, inherits: bool) -> str:
    facts = {
        "requirements": [[text, _content(Path(text))] for text in requirements],
        "python": sys.version,
        "inherits": _own_folders() if inherits else None,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _content(path: Path) -> str | None:
    """Return the hash of a file or folder that a requirement names; None for one that names no path."""
    if not path.exists():
        return None
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _own_folders() -> list[str]:
    """Return where this process finds packages: neither the standard library nor the folder it was started in."""
    standard = {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib")}
    standard |= {str(Path(folder) / "lib-dynload") for folder in standard}
    found = [str(Path(folder).resolve()) for folder in sys.path if folder and Path(folder).exists()]
    return [folder for folder in dict.fromkeys(found) if folder not in standard and folder != str(Path.cwd())]
