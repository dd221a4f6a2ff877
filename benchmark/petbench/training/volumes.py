"""Copies of the training and validation volumes of a dataset, and nothing that leads further.

The volumes are written once, in SUV, into a file that has no name, and mapped into memory when they are asked for.
A dataset larger than memory fits; a killed run leaves nothing behind; and what a method is handed holds no dataset, no
participant's name and no path. Those of the validation participants, which the harness keeps to itself, lie in a file
of their own, so that nothing a method is handed leads to them either.
"""

from __future__ import annotations

import functools
import mmap
import random
import tempfile
import weakref
from typing import TYPE_CHECKING

import numpy as np

from petbench.training.entitled_data import EntitledData, pairs_of
from petbench.training.randomness import derive_seed
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench.training.runnable_method import Pairs
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


class VolumeFile:
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
    """Copy the training volumes that a method is entitled to out of a dataset.

    Args:
        dataset: an opened dataset.
        fold: the participants of each part.
        supervision: what the method is entitled to; `no-target` has no delayed volume copied.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many participants are copied.
    """
    file = VolumeFile(folder)
    early: dict[str, Callable[[], Volume]] = {}
    delayed: dict[str, Callable[[], Volume]] = {}
    for done, participant in enumerate(fold.train, start=1):
        if supervision == "no-target":
            early[participant] = file.append(dataset.early(participant)[0])
        else:
            pair = dataset.pair(participant)
            early[participant], delayed[participant] = file.append(pair.early), file.append(pair.delayed)
        progress("reading the training participants", done, len(fold.train))
    order = list(fold.train)
    if supervision == "unpaired":
        random.Random(derive_seed(seed, "delayed order")).shuffle(order)
    return EntitledData(
        supervision,
        [early[participant] for participant in fold.train],
        [delayed[participant] for participant in order if participant in delayed],
    )


def gather_validation(
    dataset: Dataset, participants: Sequence[str], *, folder: Path | None = None, progress: Progress = silent
) -> Pairs:
    """Copy the pairs of the validation participants out of a dataset, for the harness alone.

    Args:
        dataset: an opened dataset.
        participants: who validates, all of them; there are none where one of them has its delayed image withheld.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many participants are copied.
    """
    if dataset.withheld & set(participants):
        return ()
    file = VolumeFile(folder)
    reads = []
    for done, participant in enumerate(participants, start=1):
        pair = dataset.pair(participant)
        reads.append((file.append(pair.early), file.append(pair.delayed)))
        progress("reading the validation participants", done, len(participants))
    return pairs_of(reads)
