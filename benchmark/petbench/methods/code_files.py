"""The files of one package, module, folder or file that a method is made of, and their hashes."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.machinery import ModuleSpec


@dataclass(frozen=True, slots=True)
class Unit:
    """Code that is hashed as one.

    Attributes:
        name: under which its hash stands: of the top-level package, or as the method's spec names it.
        places: its folders, or its one file.
        code_only: whether only files of Python count. A folder without `__init__.py` is a package to Python, whatever
            lies in it, such as a folder of images beside the code.
    """

    name: str
    places: tuple[Path, ...]
    code_only: bool = False

    def files(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Yield the name of each file within the unit, and what reads its bytes; caches of Python are left out."""
        for place in self.places:
            for name, read in _files_in(place, self.name):
                if "__pycache__" not in name.split("/") and (not self.code_only or name.endswith(_OF_PYTHON)):
                    yield name, read

    def hashes(self) -> list[tuple[str, str]]:
        """Return the name of every file and its SHA-256, sorted."""
        return sorted((name, hashlib.sha256(read()).hexdigest()) for name, read in self.files())

    @staticmethod
    def digest(hashes: Iterable[tuple[str, str]]) -> str:
        """Return the SHA-256 over the names and hashes of all files."""
        digest = hashlib.sha256()
        for name, content in hashes:
            digest.update(f"{name} {content}\n".encode())
        return digest.hexdigest()


_OF_PYTHON = (".py", ".pyi", ".pyx", ".pxd", ".so", ".pyd")


def unit_of(name: str, spec: ModuleSpec) -> Unit | None:
    """Return the files of a top-level package or module, None where it has none, as a built-in one."""
    if spec.submodule_search_locations:
        return Unit(name, tuple(Path(folder) for folder in spec.submodule_search_locations), spec.origin is None)
    if spec.origin is None or not spec.has_location:
        return None
    return Unit(name, (Path(spec.origin),))


def _files_in(place: Path, unit: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if place.is_dir():
        for path in place.rglob("*"):
            if path.is_file():
                yield path.relative_to(place).as_posix(), path.read_bytes
    elif place.is_file():
        # A module is known by its name: an extension's file bears the platform's too.
        yield f"{unit}.py" if unit.isidentifier() else place.name, place.read_bytes
    else:
        yield from _zipped(place)


def _zipped(place: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield what lies under a path that leads into a zip file, such as a wheel on `PYTHONPATH`."""
    archive = next((parent for parent in place.parents if parent.is_file() and zipfile.is_zipfile(parent)), None)
    if archive is None:
        return
    inside = place.relative_to(archive).as_posix()
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if not name.endswith("/")]
    for name in names:
        if name == inside or name.startswith(f"{inside}/"):
            yield name.removeprefix(inside).lstrip("/") or place.name, functools.partial(_read, archive, name)


def _read(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return opened.read(name)
