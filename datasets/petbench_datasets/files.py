"""Write a file or folder wholly or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any


def check_regular(path: Path) -> None:
    """Refuse what has no end or waits for somebody: a device such as `/dev/zero`, a pipe, a socket.

    A path that is not there is left to whoever opens it.

    Raises:
        DataError: `path` is, or leads to, anything but a plain file or a folder.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(f"{path}: a device, pipe or socket and no plain file; copy its content into a file")


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; sync and rename it to `target` when the block succeeds.

    The temporary name keeps every suffix of the target, because writers such as nibabel choose the format by it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".partial-{os.getpid()}-{target.name}"
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write `text` to `target`, wholly or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object to `target`, wholly or not at all."""
    write_text(target, json.dumps(dict(content), indent=1) + "\n")


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; rename it to `target` when the block succeeds."""
    with folder_to_place(target) as (temporary, place):
        yield temporary
        place()


@contextlib.contextmanager
def folder_to_place(target: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield a temporary folder beside `target`, and what renames it to `target`; one that stays is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=partial_name(target), dir=target.parent))

    def place() -> None:
        for path in temporary.rglob("*"):
            if path.is_file():
                sync_file(path)
        temporary.chmod(0o755)
        temporary.replace(target)
        sync_folder(target.parent)

    try:
        yield temporary, place
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def partial_name(target: Path) -> str:
    """Return how the names of temporary folders of `target` begin; a process that was killed leaves its own."""
    return f".partial-{target.name}-"


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the platform can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
