"""Copies of the training and validation volumes of a dataset, and nothing that leads further.

The volumes are written once, in SUV, into a file that has no name, and mapped into memory when they are asked for.
A dataset larger than memory fits; a killed run leaves nothing behind; and what a method is handed holds no dataset, no
participant's name and no path. Those of the validation participants, which the harness keeps to itself, lie in a file
of their own, so that nothing a method is handed leads to them either.
"""

from __future__ import annotations

import functools
import math
import mmap
import os
import random
import tempfile
import weakref
from typing import IO, TYPE_CHECKING, NamedTuple, Self

import numpy as np

from petbench.training.entitled_data import EntitledData, pairs_of
from petbench.training.seeds import derive_seed
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench.training.runnable_method import Pairs
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold


class Place(NamedTuple):
    """Where a volume lies in a `VolumeFile`: its first byte, and its shape (z, y, x)."""

    offset: int
    shape: tuple[int, ...]


class VolumeFile:
    """A file without a name that holds volumes; it is gone with the last object that reads from it.

    Attributes:
        places: of the volumes, in the order in which they were written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by the finaliser
        weakref.finalize(self, self._file.close)
        self.places: list[Place] = []

    @classmethod
    def of(cls, descriptor: int, places: Iterable[Place]) -> Self:
        """Return what reads the file of another process, by its descriptor, which is closed with it."""
        self = cls.__new__(cls)
        self._file = os.fdopen(descriptor, "rb")
        weakref.finalize(self, self._file.close)
        self.places = list(places)
        return self

    def append(self, volume: Volume) -> Callable[[], Volume]:
        """Write a volume at the end, where a mapping may begin, and return what reads it."""
        offset = -(-self._file.seek(0, 2) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._file.seek(offset)
        self._file.write(np.ascontiguousarray(volume, dtype=np.float32).data)
        self._file.flush()
        self.places.append(Place(offset, volume.shape))
        return functools.partial(self._read, self.places[-1])

    def reads(self) -> list[Callable[[], Volume]]:
        """Return what reads each volume, in the order of `places`."""
        return [functools.partial(self._read, place) for place in self.places]

    def fileno(self) -> int:
        """Return the descriptor of the file, to be handed to another process."""
        return self._file.fileno()

    def _read(self, place: Place) -> Volume:
        """Map a volume: its pages are read when they are looked at, and copied when they are written to."""
        count = math.prod(place.shape)
        pages = mmap.mmap(self._file.fileno(), 4 * count, access=mmap.ACCESS_COPY, offset=place.offset)
        return np.frombuffer(pages, dtype=np.float32, count=count).reshape(place.shape)


class TrainingVolumes(NamedTuple):
    """The training volumes that a method is entitled to, in the order in which it is given them.

    Early and delayed volumes lie in files of their own, each in the order of its list: where a volume lies says nothing
    that the list does not say, so that no order of participants can be read from offsets.
    """

    early: VolumeFile
    delayed: VolumeFile

    def entitled(self, supervision: Supervision) -> EntitledData:
        """Return what the method is handed."""
        return EntitledData(supervision, self.early.reads(), self.delayed.reads())


def store_training(
    dataset: Dataset,
    fold: Fold,
    supervision: Supervision,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> TrainingVolumes:
    """Copy the training volumes that a method is entitled to out of a dataset.

    Args:
        dataset: an opened dataset.
        fold: the participants of each part.
        supervision: what the method is entitled to; `no-target` has no delayed volume copied.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many volumes are copied.
    """
    early, delayed = list(fold.train), [] if supervision == "no-target" else list(fold.train)
    if supervision == "unpaired":
        random.Random(derive_seed(seed, "delayed order")).shuffle(delayed)
    stored = TrainingVolumes(VolumeFile(folder), VolumeFile(folder))
    reads = [(stored.early, dataset.early, participant) for participant in early]
    reads += [(stored.delayed, dataset.delayed, participant) for participant in delayed]
    for done, (file, read, participant) in enumerate(reads, start=1):
        file.append(read(participant)[0])
        progress("reading the training participants", done, len(reads))
    return stored


def gather_volumes(
    dataset: Dataset, fold: Fold, supervision: Supervision, *, seed: int = 0, folder: Path | None = None
) -> EntitledData:
    """Return what `store_training` stores as a method of this process is handed it."""
    return store_training(dataset, fold, supervision, seed=seed, folder=folder).entitled(supervision)


def store_validation(
    dataset: Dataset, participants: Sequence[str], *, folder: Path | None = None, progress: Progress = silent
) -> VolumeFile:
    """Copy the pairs of the validation participants out of a dataset, for the harness alone.

    Args:
        dataset: an opened dataset.
        participants: who validates, all of them; there are none where one of them has its delayed image withheld.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many participants are copied.

    Returns:
        Early and delayed volume of one participant after the other.
    """
    file = VolumeFile(folder)
    if dataset.withheld & set(participants):
        return file
    for done, participant in enumerate(participants, start=1):
        pair = dataset.pair(participant)
        file.append(pair.early)
        file.append(pair.delayed)
        progress("reading the validation participants", done, len(participants))
    return file


def validation_pairs(file: VolumeFile) -> Pairs:
    """Return the pairs that `store_validation` stored."""
    reads = file.reads()
    return pairs_of(list(zip(reads[::2], reads[1::2], strict=True)))


def gather_validation(dataset: Dataset, participants: Sequence[str], *, folder: Path | None = None) -> Pairs:
    """Return what `store_validation` stores as the harness of this process is handed it."""
    return validation_pairs(store_validation(dataset, participants, folder=folder))
