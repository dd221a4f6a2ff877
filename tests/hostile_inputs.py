"""Inputs that once did harm: forged submissions, rows, images and slices, in `tests/data/hostile.tar.xz`."""

from __future__ import annotations

import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).parent / "data" / "hostile.tar.xz"


def names() -> list[str]:
    """Return what the archive holds, each of its folders as one input."""
    with tarfile.open(ARCHIVE) as content:
        return sorted({Path(name).parts[0] for name in content.getnames()})


def unpack(folder: Path) -> Path:
    """Unpack all of them into a folder, and return it."""
    with tarfile.open(ARCHIVE) as content:
        content.extractall(folder, filter="data")
    return folder
