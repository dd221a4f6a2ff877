"""What a method's supervision entitles it to: the one place where `petbench.contract.TrainingData` is implemented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, overload

from petbench.errors import PluginError

if TYPE_CHECKING:
    from petbench.contract import Supervision, Volume
    from petbench.scan import Scan
    from petbench.training.runnable_method import Pairs

    Read = Callable[[], Volume]
    ReadScan = Callable[[], Scan]

Item = TypeVar("Item")


class OnDemand(Sequence[Item]):
    """Items that are read anew each time they are asked for, so that all of them never need to fit into memory."""

    def __init__(self, reads: Sequence[Callable[[], Item]]) -> None:
        self._reads = reads

    def __len__(self) -> int:
        return len(self._reads)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return OnDemand(self._reads[index]) if isinstance(index, slice) else self._reads[index]()


class EntitledData:
    """Training participants under one supervision; implements `petbench.contract.TrainingData`.

    What the supervision does not entitle to is dropped when it is made, so that no accessor can give it out.

    Args:
        supervision: of the method that is trained.
        scans: read the early scans of the training participants; each call gives a copy that the method may change.
        delayed: read their delayed volumes; in another order, or of other participants, where nothing is paired.
    """

    def __init__(self, supervision: Supervision, scans: Sequence[ReadScan], delayed: Sequence[Read]) -> None:
        self.supervision: Supervision = supervision
        self._scans = tuple(scans)
        self._delayed = () if supervision == "no-target" else tuple(delayed)

    def scans(self) -> Sequence[Scan]:
        """Return the early scans of the training participants."""
        return OnDemand(self._scans)

    def delayed(self) -> Sequence[Volume]:
        """Return the delayed volumes of the training participants; unpaired: in an independent order.

        Raises:
            PluginError: the method's supervision is `no-target`.
        """
        if self.supervision == "no-target":
            raise PluginError("this method's supervision is `no-target`: it gets no delayed volume; declare `unpaired`")
        return OnDemand(self._delayed)

    def pairs(self) -> Pairs:
        """Return (early scan, delayed volume) of each training participant.

        Raises:
            PluginError: the method's supervision is not `paired`.
        """
        if self.supervision != "paired":
            raise PluginError(f"this method's supervision is `{self.supervision}`: it gets no pairs; declare `paired`")
        return pairs_of(list(zip(self._scans, self._delayed, strict=True)))


def pairs_of(reads: Sequence[tuple[ReadScan, Read]]) -> Pairs:
    """Return pairs of an early scan and a delayed volume that are read when they are asked for."""
    return OnDemand([_both(scan, delayed) for scan, delayed in reads])


def _both(scan: ReadScan, delayed: Read) -> Callable[[], tuple[Scan, Volume]]:
    return lambda: (scan(), delayed())
