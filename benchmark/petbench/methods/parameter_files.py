"""Parameters that name a file or a folder: the run's plan holds the hash of its content in place of its path.

So the identity is that of the content, wherever it lies. Where it lies on this machine stands in the plan alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.errors import PetbenchError, UsageError
from petbench.methods.code_files import Unit
from petbench_leaderboard.records import FILE_CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from petbench.contract import MethodSpec


def with_hashes(spec: MethodSpec, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return parameters with the hash of each file that one names in its place, and where these files are.

    A parameter names a file if its type is `pathlib.Path`, alone or in a list, a dictionary or a model; or if it is a
    text with a `/` that is the path of a file: such a text is hardly anything else.

    Args:
        spec: of the method.
        values: its parameters, validated, as JSON values.

    Returns:
        The parameters, and the absolute path of each file by the parameter's name; of one in a list or a model by names
        and places joined by dots.

    Raises:
        UsageError: a file is not there.
    """
    if spec.parameters is None:
        return dict(values), {}
    typed = spec.parameters.model_validate(values).model_dump(mode="python")
    found: dict[str, str] = {}
    for place, value in _leaves(typed):
        if isinstance(value, Path) or (isinstance(value, str) and "/" in value and _is_file(value)):
            path = Path(value).expanduser().absolute()
            if not path.exists():
                raise UsageError(f"parameter {place!r} of {spec.name}: there is no file or folder {value}")
            found[place] = str(path)
    hashed = {place: FILE_CONTENT + _content(Path(path)) for place, path in found.items()}
    return _replaced(values, hashed), found


def with_paths(method: str, values: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return parameters as the method takes them: paths in the place of hashes.

    Args:
        method: its name.
        values: as `with_hashes` returned them.
        files: likewise.

    Raises:
        PetbenchError: a file is known by its content alone, as in a plan that came from another machine.
    """
    for place, value in _leaves(values):
        if isinstance(value, str) and value.startswith(FILE_CONTENT) and place not in files:
            digest = value.removeprefix(FILE_CONTENT)
            raise PetbenchError(
                f"parameter {place!r} of {method} is a file whose SHA-256 is {digest[:16]}…, and where it lies here is "
                f"not known; run the method with --set {place}=PATH"
            )
    return dict(_replaced(values, files))


def changed_files(values: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    """Return which files are no longer what the parameters say, each in words."""
    before = dict(_leaves(values))
    changed = []
    for place, path in files.items():
        if not Path(path).exists():
            changed.append(f"the file of the parameter {place!r} is gone: {path}")
        elif FILE_CONTENT + _content(Path(path)) != before.get(place):
            changed.append(f"the content of the parameter {place!r}: {path}")
    return changed


def _content(path: Path) -> str:
    """Return the SHA-256 of a file, or over the names and bytes of all files in a folder."""
    if path.is_dir():
        return Unit.digest(Unit("", (path,)).hashes())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError):
        return False


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    inner = _items(value)
    if inner is None:
        yield place, value
    else:
        for name, each in inner:
            yield from _leaves(each, f"{place}.{name}" if place else str(name))


def _replaced(value: Any, changes: Mapping[str, str], place: str = "") -> Any:
    inner = _items(value)
    if inner is None:
        return changes.get(place, value)
    pairs = [(name, _replaced(each, changes, f"{place}.{name}" if place else str(name))) for name, each in inner]
    return dict(pairs) if hasattr(value, "items") else [each for _, each in pairs]


def _items(value: Any) -> list[tuple[Any, Any]] | None:
    if hasattr(value, "items"):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list | tuple) else None
