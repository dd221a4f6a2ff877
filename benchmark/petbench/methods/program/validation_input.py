"""Validation pairs on the standard input of petbench's own runner: no file in a job's folder leads to them."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

import numpy as np

from petbench.training.entitled_data import pairs_of
from petbench.training.volumes import VolumeFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.training.runnable_method import Pairs


def write_pairs(file: IO[bytes], pairs: Pairs) -> None:
    """Write pairs one after the other and go back to the beginning."""
    for pair in pairs:
        for volume in pair:
            np.save(file, np.ascontiguousarray(volume, dtype="<f4"), allow_pickle=False)
    file.seek(0)


def read_pairs(file: IO[bytes], folder: Path) -> Pairs:
    """Return the pairs in a file, copied into one without a name in `folder`."""
    copies = VolumeFile(folder)
    reads: list[tuple[Callable[[], Volume], Callable[[], Volume]]] = []
    while True:
        try:
            early = copies.append(np.load(file, allow_pickle=False))
        except EOFError:
            return pairs_of(reads)
        reads.append((early, copies.append(np.load(file, allow_pickle=False))))


def take_standard_input(folder: Path) -> Pairs:
    """Return the pairs on standard input and leave nothing there for anybody who runs in this process later."""
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as file:
        pairs = read_pairs(file, folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return pairs
