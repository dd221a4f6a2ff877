"""Validation pairs on the standard input of petbench's own runner: no file in a job's folder leads to them."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, TYPE_CHECKING

import numpy as np

from petbench.scan import assemble
from petbench.training.volumes import StoredData

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.training.runnable_method import Pairs


def write_pairs(file: IO[bytes], pairs: Pairs) -> None:
    """Write pairs one after the other and go back to the beginning.

    Of each: a line of JSON with the facts of its scan and the names of the images beside the early one, then the early
    image, those images, and the delayed one.
    """
    for scan, delayed in pairs:
        images = scan.images
        file.write(json.dumps({"facts": scan.facts, "images": list(images)}).encode() + b"\n")
        for volume in (scan.early, *images.values(), delayed):
            np.save(file, np.ascontiguousarray(volume, dtype="<f4"), allow_pickle=False)
    file.seek(0)


def read_pairs(file: IO[bytes], folder: Path) -> Pairs:
    """Return the pairs in a file, copied into one without a name in `folder`."""
    copies = StoredData.new(folder)
    while line := file.readline():
        said = json.loads(line)
        early = np.load(file, allow_pickle=False)
        images = {name: np.load(file, allow_pickle=False) for name in said["images"]}
        copies.scans.append(assemble(early, said["facts"], images))
        copies.delayed.append(np.load(file, allow_pickle=False))
    return copies.pairs()


def take_standard_input(folder: Path) -> Pairs:
    """Return the pairs on standard input and leave nothing there for anybody who runs in this process later."""
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as file:
        pairs = read_pairs(file, folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return pairs
