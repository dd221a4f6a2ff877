"""Read a volume that a method's or an author's process left in a file, whatever that is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Volume

_LARGEST_ITEM_BYTES = 16
_HEADER_BYTES = 4096


def read_predicted(path: Path, shape: tuple[int, ...], whose: str) -> Volume:
    """Read a predicted volume from a `.npy` file.

    A link or a pipe in its place is never followed, and nothing is allocated for more voxels than there should be.

    Args:
        path: of the file.
        shape: that the volume must have, (z, y, x).
        whose: names it in messages.

    Returns:
        Its voxels as float32; not yet known to be finite.

    Raises:
        PluginError: it is no volume of real numbers in this shape.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise PluginError(f"{whose} cannot be read back: {error.strerror}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise PluginError(f"{whose} is no file")
    with os.fdopen(descriptor, "rb") as file:
        most = _HEADER_BYTES + _LARGEST_ITEM_BYTES * int(np.prod(shape, dtype=np.int64))
        try:
            header = _header(file) if found.st_size <= most else None
        except (ValueError, EOFError):
            raise PluginError(f"{whose} is no volume") from None
        check_prediction(whose, *(header or (f"{found.st_size} bytes of", np.dtype("f4"))), expected=shape)
        file.seek(0)
        try:
            with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is refused by name
                volume: Volume = np.lib.format.read_array(file, allow_pickle=False).astype(np.float32)
        except (ValueError, EOFError):
            raise PluginError(f"{whose} is cut short") from None
    return volume


def check_prediction(whose: str, shape: object, dtype: np.dtype[np.generic], *, expected: object) -> None:
    """Refuse what is no volume of real numbers on the grid of the early one.

    Raises:
        PluginError: in one line.
    """
    if shape != expected:
        raise PluginError(f"{whose} has {shape} voxels, not {expected}")
    if dtype.kind not in "fiu":
        raise PluginError(f"{whose} is of type {dtype}, not of real numbers; return float32 SUV")


def _header(file: object) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)  # type: ignore[arg-type]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)  # type: ignore[arg-type]
    return shape, dtype
