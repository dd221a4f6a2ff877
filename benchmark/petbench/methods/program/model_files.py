"""The files of a model that a program has written: read back bounded, since a stranger's program wrote them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from petbench.errors import PluginError, plain_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MOST_BYTES = 8 * 2**30
"""Of all files together; they are kept in memory, and in one file of the run."""
MOST_FILES = 10_000


def read_files(folder: Path, program: str) -> dict[str, bytes]:
    """Return the content of each regular file by its path in `folder`; links, pipes and devices are no part of a model.

    Args:
        folder: of the model.
        program: how messages name it.

    Raises:
        PluginError: there is more than a model may have. It is refused by its size, before any of it is read.
    """
    sizes: dict[Path, int] = {}
    total = 0
    for path, facts in _regular(folder):
        sizes[path] = facts.st_size
        total += facts.st_size
        if len(sizes) > MOST_FILES:
            raise PluginError(f"{program} left more than {MOST_FILES:,} files as its model; pack them into fewer")
        if total > MOST_BYTES:
            largest = plain_line(max(sizes, key=sizes.__getitem__).name, 60)
            raise PluginError(
                f"{program} left a model of more than {MOST_BYTES / 2**30:g} GiB, of which {largest} is the largest "
                "file; keep weights alone"
            )
    return {path.relative_to(folder).as_posix(): _read(path, size) for path, size in sorted(sizes.items())}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a model's files back.

    Raises:
        PluginError: a name leads out of the folder.
    """
    for name, content in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise PluginError(f"the stored model has a file {name!r} that lies outside its folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _regular(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.rglob("*"):
        facts = path.lstat()
        if stat.S_ISREG(facts.st_mode):
            yield path, facts


def _read(path: Path, size: int) -> bytes:
    """Read what was there when it was looked at: something that the program left running may still write."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(size)
