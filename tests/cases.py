"""Small scans that were once misread, kept packed beside the tests."""

from __future__ import annotations

import tarfile
from pathlib import Path

DATA = Path(__file__).parent / "data"


def unpack_cases(of: str, folder: Path) -> Path:
    """Unpack the cases of a kind, `header`, `people` or `place`, into `folder` and return it."""
    with tarfile.open(DATA / f"cases-of-{of}.tar.gz") as content:
        content.extractall(folder, filter="data")
    return folder
