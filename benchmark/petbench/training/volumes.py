"""What a method may learn from: copies of the training and validation volumes, and nothing that leads further.

The volumes are written once, in SUV, into one file that has no name, and mapped into memory when they are asked for.
A dataset larger than memory fits; a killed run leaves nothing behind; and what a method is handed holds no dataset, no
participant's name and no path.
"""

from __future__ import annotations

import mmap
import random
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import numpy as np

from petbench.training.randomness import derive_seed
from petbench_datasets.errors import PetbenchError
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Supervision, Volume
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold

Place = TypeVar("Place")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one volume lies in the file: float32, shape (z, y, x), from `offset` bytes on."""

    offset: int
    shape: tuple[int, int, int]


class _Store:
    """A file without a name that holds volumes; it is gone with the last object that reads from it."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by the finaliser
        weakref.finalize(self, self._file.close)

    def append(self, volume: Volume) -> _Place:
        """Write a volume at the end, where a mapping may begin."""
        offset = -(-self._file.seek(0, 2) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._file.seek(offset)
        self._file.write(np.ascontiguousarray(volume, dtype=np.float32).data)
        self._file.flush()
        depth, rows, columns = volume.shape
        return _Place(offset, (depth, rows, columns))

    def read(self, place: _Place) -> Volume:
        """Map a volume: its pages are read when they are looked at, and copied when they are written to."""
        count = place.shape[0] * place.shape[1] * place.shape[2]
        pages = mmap.mmap(self._file.fileno(), 4 * count, access=mmap.ACCESS_COPY, offset=place.offset)
        return np.frombuffer(pages, dtype=np.float32, count=count).reshape(place.shape)

    def read_pair(self, places: tuple[_Place, _Place]) -> tuple[Volume, Volume]:
        """Map two volumes."""
        return self.read(places[0]), self.read(places[1])


class _Mapped(Sequence[Item], Generic[Place, Item]):
    """A sequence whose items are mapped when they are asked for."""

    def __init__(self, places: Sequence[Place], read: Callable[[Place], Item]) -> None:
        self._places = places
        self._read = read

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return _Mapped(self._places[index], self._read)
        return self._read(self._places[index])


class TrainingVolumes:
    """The training and validation participants of one fold; implements `petbench.contract.TrainingData`.

    Made by `gather_volumes`. Each volume is a private copy: what a method changes in it, it changes for itself alone.
    """

    def __init__(
        self,
        supervision: Supervision,
        store: _Store,
        early: Sequence[_Place],
        delayed: Sequence[_Place],
        validation: Sequence[tuple[_Place, _Place]],
    ) -> None:
        self.supervision: Supervision = supervision
        self._store = store
        self._early_places = tuple(early)
        self._delayed_places = tuple(delayed)
        self._validation_places = tuple(validation)

    def early(self) -> Sequence[Volume]:
        """Return the early volumes of the training participants."""
        return _Mapped(self._early_places, self._store.read)

    def delayed(self) -> Sequence[Volume]:
        """Return the delayed volumes of the training participants; unpaired: in an independent order."""
        if self.supervision == "no-target":
            raise PetbenchError("this method's supervision is `no-target`: no delayed volume; declare `unpaired`")
        return _Mapped(self._delayed_places, self._store.read)

    def pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each training participant."""
        if self.supervision != "paired":
            raise PetbenchError(
                f"this method's supervision is `{self.supervision}`: it gets no pairs; declare `paired`"
            )
        places = tuple(zip(self._early_places, self._delayed_places, strict=True))
        return _Mapped(places, self._store.read_pair)

    def validation_pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each validation participant; none for a method that may see no delayed volume."""
        return _Mapped(self._validation_places, self._store.read_pair)


def gather_volumes(
    dataset: Dataset,
    fold: Fold,
    supervision: Supervision,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> TrainingVolumes:
    """Copy the volumes that a method is entitled to out of a dataset.

    Args:
        dataset: an opened dataset.
        fold: the participants of each part.
        supervision: what the method is entitled to; `no-target` has no delayed volume copied.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
        folder: on the disk that has room for the copies; None for the system's folder of temporary files.
        progress: told of the participants copied.
    """
    store = _Store(folder)
    total = len(fold.train) + len(fold.validation)
    early: dict[str, _Place] = {}
    delayed: dict[str, _Place] = {}
    for done, participant in enumerate((*fold.train, *fold.validation), start=1):
        if supervision == "no-target":
            if participant in fold.train:
                early[participant] = store.append(dataset.early(participant)[0])
        else:
            pair = dataset.pair(participant)
            early[participant], delayed[participant] = store.append(pair.early), store.append(pair.delayed)
        progress("reading the training participants", done, total)
    order = list(fold.train)
    if supervision == "unpaired":
        random.Random(derive_seed(seed, "delayed order")).shuffle(order)
    return TrainingVolumes(
        supervision,
        store,
        [early[participant] for participant in fold.train],
        [delayed[participant] for participant in order if participant in delayed],
        [(early[participant], delayed[participant]) for participant in fold.validation if participant in delayed],
    )
