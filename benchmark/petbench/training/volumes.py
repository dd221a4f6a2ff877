"""What a method may learn from, read from a cohort patient by patient."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, overload

from petbench.training.randomness import derive_seed
from petbench_datasets.errors import PetbenchError

if TYPE_CHECKING:
    from petbench.contract import Supervision, Volume
    from petbench_datasets.cohort import Cohort
    from petbench_datasets.split import Fold

Item = TypeVar("Item")


class CohortTrainingData:
    """The training and validation patients of one fold; implements `petbench.contract.TrainingData`.

    Nothing is kept in memory: each volume is read when it is asked for. No test patient can be reached from here.

    Args:
        cohort: an opened cohort.
        fold: the patients of each part.
        supervision: what the method is entitled to.
        seed: of the run; sets the order of an unpaired method's delayed volumes.
    """

    def __init__(self, cohort: Cohort, fold: Fold, supervision: Supervision, *, seed: int = 0) -> None:
        self.supervision: Supervision = supervision
        self._pair = cohort.pair
        self._early = cohort.early
        self._train = tuple(fold.train)
        self._validation = tuple(fold.validation)
        self._delayed_order = list(self._train)
        if supervision == "unpaired":
            random.Random(derive_seed(seed, "delayed order")).shuffle(self._delayed_order)

    def early(self) -> Sequence[Volume]:
        """Return the early volumes of the training patients."""
        return _Lazy(self._train, lambda participant: self._early(participant)[0])

    def delayed(self) -> Sequence[Volume]:
        """Return the delayed volumes of the training patients; unpaired: in an independent order."""
        if self.supervision == "none":
            raise PetbenchError("this method's supervision is `none`: it gets no delayed volume; declare `unpaired`")
        return _Lazy(self._delayed_order, lambda participant: self._pair(participant).delayed)

    def pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each training patient."""
        if self.supervision != "paired":
            raise PetbenchError(
                f"this method's supervision is `{self.supervision}`: it gets no pairs; declare `paired`"
            )
        return _Lazy(self._train, self._volumes)

    def validation_pairs(self) -> Sequence[tuple[Volume, Volume]]:
        """Return (early, delayed) of each validation patient; none for a method that may see no delayed volume."""
        return _Lazy(() if self.supervision == "none" else self._validation, self._volumes)

    def _volumes(self, participant: str) -> tuple[Volume, Volume]:
        pair = self._pair(participant)
        return pair.early, pair.delayed


class _Lazy(Sequence[Item]):
    """A sequence whose items are read when they are asked for."""

    def __init__(self, participants: Sequence[str], read: Callable[[str], Item]) -> None:
        self._participants = participants
        self._read = read

    def __len__(self) -> int:
        return len(self._participants)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return _Lazy(self._participants[index], self._read)
        return self._read(self._participants[index])
