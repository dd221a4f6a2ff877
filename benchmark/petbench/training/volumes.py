"""Copies of the training and validation volumes of a dataset, and nothing that leads further.

The volumes are written once into a file that has no name, and mapped into memory when they are asked for: early and
delayed images in SUV, and with each early image those that the method named beside it. A dataset larger than memory
fits; a killed run leaves nothing behind; and what a method is handed holds no dataset, no participant's name and no
path. Those of the validation participants, which the harness keeps to itself, lie in a file
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
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from petbench.scan import assemble
from petbench.training.entitled_data import EntitledData, pairs_of
from petbench.training.scan_reading import read_scan
from petbench.training.seeds import derive_seed
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench.scan import Need, Scan
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

    def read(self, place: Place) -> Callable[[], Volume]:
        """Return what reads the volume at a place."""
        return functools.partial(self._read, place)

    def reads(self) -> list[Callable[[], Volume]]:
        """Return what reads each volume, in the order of `places`."""
        return [self.read(place) for place in self.places]

    def fileno(self) -> int:
        """Return the descriptor of the file, to be handed to another process."""
        return self._file.fileno()

    def _read(self, place: Place) -> Volume:
        """Map a volume: its pages are read when they are looked at, and copied when they are written to."""
        count = math.prod(place.shape)
        pages = mmap.mmap(self._file.fileno(), 4 * count, access=mmap.ACCESS_COPY, offset=place.offset)
        return np.frombuffer(pages, dtype=np.float32, count=count).reshape(place.shape)


class StoredScan(NamedTuple):
    """One scan of a `ScanFile`: where its early image and the images beside it lie, and what JSON can say of it."""

    early: Place
    images: dict[str, Place]
    facts: dict[str, Any]


class ScanFile(NamedTuple):
    """A file without a name that holds the images of scans, and the scans in the order in which they were written."""

    file: VolumeFile
    scans: list[StoredScan]

    def append(self, scan: Scan) -> None:
        """Write the images of a scan, one after the other."""
        self.file.append(scan.early)
        early = self.file.places[-1]
        images = {}
        for name, image in scan.images.items():  # a label is a whole number below 2**15, which float32 holds exactly
            self.file.append(image.astype(np.float32, copy=False))
            images[name] = self.file.places[-1]
        self.scans.append(StoredScan(early, images, scan.facts))

    def reads(self) -> list[Callable[[], Scan]]:
        """Return what reads each scan, in their order."""
        return [functools.partial(self._read, scan) for scan in self.scans]

    def _read(self, stored: StoredScan) -> Scan:
        images = {name: self.file.read(place)() for name, place in stored.images.items()}
        return assemble(self.file.read(stored.early)(), stored.facts, images)


class StoredData(NamedTuple):
    """Scans and delayed volumes of participants, in the order in which they are handed on.

    Both lie in files of their own, each in the order of its list: where a volume lies says nothing that the list does
    not say, so that no order of participants can be read from offsets.
    """

    scans: ScanFile
    delayed: VolumeFile

    @classmethod
    def new(cls, folder: Path | None) -> StoredData:
        """Return an empty one, whose files lie on the disk of a folder."""
        return cls(ScanFile(VolumeFile(folder), []), VolumeFile(folder))

    @classmethod
    def of(cls, descriptors: Sequence[int], scans: Iterable[StoredScan], delayed: Iterable[Place]) -> StoredData:
        """Return what reads the files of another process, by their descriptors, which are closed with them."""
        stored = list(scans)
        first, second = descriptors
        return cls(
            ScanFile(VolumeFile.of(first, [scan.early for scan in stored]), stored), VolumeFile.of(second, delayed)
        )

    @property
    def files(self) -> tuple[VolumeFile, VolumeFile]:
        """Both files, to be handed to another process."""
        return self.scans.file, self.delayed

    def entitled(self, supervision: Supervision) -> EntitledData:
        """Return what a method of this supervision is handed of training participants."""
        return EntitledData(supervision, self.scans.reads(), self.delayed.reads())

    def pairs(self) -> Pairs:
        """Return the pairs of validation participants, whose scans and volumes are in one order."""
        return pairs_of(list(zip(self.scans.reads(), self.delayed.reads(), strict=True)))


def store_training(
    dataset: Dataset,
    fold: Fold,
    supervision: Supervision,
    needs: Sequence[Need] = (),
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> StoredData:
    """Copy what a method is entitled to of the training participants out of a dataset.

    Args:
        dataset: an opened dataset.
        fold: the participants of each part.
        supervision: what the method is entitled to; `no-target` has no delayed volume copied.
        needs: what it named beside the early image.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many volumes are copied.
    """
    early, delayed = list(fold.train), [] if supervision == "no-target" else list(fold.train)
    if supervision == "unpaired":
        random.Random(derive_seed(seed, "delayed order")).shuffle(delayed)
    stored = StoredData.new(folder)
    total = len(early) + len(delayed)
    for done, participant in enumerate(early, start=1):
        stored.scans.append(read_scan(dataset, participant, needs))
        progress("reading the training participants", done, total)
    for done, participant in enumerate(delayed, start=len(early) + 1):
        stored.delayed.append(dataset.delayed(participant)[0])
        progress("reading the training participants", done, total)
    return stored


def gather_volumes(
    dataset: Dataset,
    fold: Fold,
    supervision: Supervision,
    needs: Sequence[Need] = (),
    *,
    seed: int = 0,
    folder: Path | None = None,
) -> EntitledData:
    """Return what `store_training` stores as a method of this process is handed it."""
    return store_training(dataset, fold, supervision, needs, seed=seed, folder=folder).entitled(supervision)


def store_validation(
    dataset: Dataset,
    participants: Sequence[str],
    needs: Sequence[Need] = (),
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> StoredData:
    """Copy the pairs of the validation participants out of a dataset, for the harness alone.

    Args:
        dataset: an opened dataset.
        participants: who validates, all of them; there are none where one of them has its delayed image withheld.
        needs: what the method named beside the early image.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: shows how many participants are copied.
    """
    stored = StoredData.new(folder)
    if dataset.withheld & set(participants):
        return stored
    for done, participant in enumerate(participants, start=1):
        stored.scans.append(read_scan(dataset, participant, needs))
        stored.delayed.append(dataset.delayed(participant)[0])
        progress("reading the validation participants", done, len(participants))
    return stored


def gather_validation(
    dataset: Dataset, participants: Sequence[str], needs: Sequence[Need] = (), *, folder: Path | None = None
) -> Pairs:
    """Return what `store_validation` stores as the harness of this process is handed it."""
    return store_validation(dataset, participants, needs, folder=folder).pairs()
