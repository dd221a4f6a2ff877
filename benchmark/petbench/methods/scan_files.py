"""A scan as files: its images as `.npy`, and all else of it as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from petbench.scan import assemble

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.scan import Scan


class ScanFiles(BaseModel):
    """Where the parts of one scan lie, relative to a folder. What the method did not name is not there.

    Attributes:
        early: the early image in SUV, float32, shape (z, y, x).
        images: those beside it, by their field of `petbench.Scan`: `frames` (float32, shape (t, z, y, x)), `ct`
            (float32) and `labels` (int16).
        facts: its other fields, by their name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    early: str
    images: Annotated[dict[str, str], Field(default_factory=dict)]
    facts: Annotated[dict[str, JsonValue], Field(default_factory=dict)]


def write_scan(folder: Path, stem: str, scan: Scan, *, early: str = "{}-early.npy") -> ScanFiles:
    """Write a scan into a folder.

    Args:
        folder: that exists.
        stem: what the names of its files begin with, such as `training/003`.
        scan: to write.
        early: how the file of the early image is called after the stem.
    """
    files = {name: f"{stem}-{name}.npy" for name in scan.images}
    for name, image in scan.images.items():
        kind = "<i2" if name == "labels" else "<f4"
        np.save(folder / files[name], np.ascontiguousarray(image, dtype=kind), allow_pickle=False)
    np.save(folder / early.format(stem), np.ascontiguousarray(scan.early, dtype="<f4"), allow_pickle=False)
    return ScanFiles(early=early.format(stem), images=files, facts=scan.facts)


def read_scan_files(folder: Path, files: ScanFiles, *, mapped: bool = False) -> Scan:
    """Read a scan back; its arrays may be changed.

    Args:
        folder: that the names are relative to.
        files: of the scan.
        mapped: whether pages are read when they are looked at, and copied when they are written to.
    """

    def read(name: str) -> Any:
        return np.load(folder / name, mmap_mode="c" if mapped else None, allow_pickle=False)

    return assemble(read(files.early), files.facts, {name: read(file) for name, file in files.images.items()})
