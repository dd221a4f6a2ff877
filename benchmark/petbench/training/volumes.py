"""Copies of the training and validation volumes of a dataset, and nothing that leads further.

The volumes are written once, in SUV, into one file that has no name, and mapped into memory when they are asked for.
A dataset larger than memory fits; a killed run leaves nothing behind; and what a method is handed holds no dataset, no
participant's name and no path.
"""

from __future__ import annotations

import functools
import mmap
import random
import tempfile
import weakref
from typing import TYPE_CHECKING

import numpy as np

from petbench.training.entitled_data import EntitledData
from petbench.training.randomness import derive_seed
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


class _VolumeFile:
    """A file without a name that holds volumes; it is gone with the last object that reads from it."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by the finaliser
        weakref.finalize(self, self._file.close)

    def append(self, volume: Volume) -> Callable[[], Volume]:
        """Write a volume at the end, where a mapping may begin, and return what reads it."""
        offset = -(-self._file.seek(0, 2) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._file.seek(offset)
        self._file.write(np.ascontiguousarray(volume, dtype=np.float32).data)
        self._file.flush()
        return functools.partial(self._read, offset, volume.shape)

    def _read(self, offset: int, shape: tuple[int, ...]) -> Volume:
        """Map a volume: its pages are read when they are looked at, and copied when they are written to."""
        count = int(np.prod(shape, dtype=np.int64))
        pages = mmap.mmap(self._file.fileno(), 4 * count, access=mmap.ACCESS_COPY, offset=offset)
        return np.frombuffer(pages, dtype=np.float32, count=count).reshape(shape)


def gather_volumes(
    dataset: Dataset,
    fold: Fold,
    supervision: Supervision,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> EntitledData:
    """Copy the volumes that a method is entitled to out of a dataset.

    Args:
        dataset: an opened dataset.
        fold: the participants of each part.
        supervision: what the method is entitled to; `no-target` has no delayed volume copied.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many participants are copied.
    """
    file = _VolumeFile(folder)
    total = len(fold.train) + len(fold.validation)
    early: dict[str, Callable[[], Volume]] = {}
    delayed: dict[str, Callable[[], Volume]] = {}
    for done, participant in enumerate((*fold.train, *fold.validation), start=1):
        if supervision == "no-target":
            if participant in fold.train:
                early[participant] = file.append(dataset.early(participant)[0])
        else:
            pair = dataset.pair(participant)
            early[participant], delayed[participant] = file.append(pair.early), file.append(pair.delayed)
        progress("reading the training participants", done, total)
    order = list(fold.train)
    if supervision == "unpaired":
        random.Random(derive_seed(seed, "delayed order")).shuffle(order)
    return EntitledData(
        supervision,
        [early[participant] for participant in fold.train],
        [delayed[participant] for participant in order if participant in delayed],
        [(early[participant], delayed[participant]) for participant in fold.validation if participant in delayed],
    )
