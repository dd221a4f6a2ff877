"""The processes that share one training, as one of them sees them.

One leads: it alone has the budget, the clock, the log, the checkpoints and the validation participants, and before
everything that all do together it tells the others what comes next. So all stop at the same step, whatever it is that
stops them. Each takes its share of the same batch, and gradients are averaged before an optimizer steps: the weights
are the same everywhere, bit for bit. There is no wrapper around the networks, as `DistributedDataParallel` would be:
several optimizers, `backward(inputs=...)` and networks with a `forward` of their own go on as in one process.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import zlib
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.distributed as dist

from petbench.errors import PeerLostError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

_PATIENCE = timedelta(days=30)
"""Of one process with another: a validation takes its time, and who is gone is noticed by its connection."""
_LOOPBACK = ("lo", "lo0")


_LEAVE_OUT = "or leave out `splittable = True`"
_DIFFERENT = (
    "training_step makes other updates in one process than in another: yield the same ones in every step, whatever it "
    f"draws, {_LEAVE_OUT}"
)
_OTHER_GRADIENTS = (
    "training_step makes another update, or gives other weights a gradient, in one process than in another: let every "
    f"term depend on the same weights in every step, {_LEAVE_OUT}"
)


class Kind(IntEnum):
    """What all processes do next; `HEAR` is to wait for what the leading one says."""

    STEP = 1
    LOSSES = 2
    STATE = 3
    END = 4
    GRADIENTS = 5
    HEAR = 6


class Order(NamedTuple):
    """What the leading process says: what comes next, and for a step, which part of the budget is spent."""

    kind: Kind
    fraction: float


class Ranks:
    """This process among those that share its training.

    Args:
        rank: its number, from 0; that of the leading one is 0.
        size: how many they are; with 1, nobody is told or waited for.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def leads(self) -> bool:
        """Whether this process leads."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """Return which images of a batch are this process's: as many as everybody's, and in their order."""
        return slice(self.rank * batch_size // self.size, (self.rank + 1) * batch_size // self.size)

    def tell(self, kind: Kind, fraction: float = 0.0) -> None:
        """Tell the others what comes next; of a process that does not lead, nothing."""
        if self.leads and self.size > 1:
            self._meet(kind, fraction=fraction)

    def hear(self) -> Order:
        """Wait for what the leading process says."""
        return self._meet(Kind.HEAR)

    @torch.no_grad()
    def average_gradients(self, name: str, weights: Sequence[nn.Parameter]) -> None:
        """Put the mean over all processes in the place of each gradient: of a mean over images, that of the batch.

        Args:
            name: of the update.
            weights: that it is for.

        Raises:
            PluginError: other weights have a gradient in another process, or it makes no such update.
        """
        if self.size == 1:
            return
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        there = bytes(weight.grad is not None for weight in weights)
        self._meet(Kind.GRADIENTS, what=zlib.crc32(name.encode() + b"\0" + there))
        if not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        with _together():
            dist.all_reduce(flat)
        flat.div_(self.size)
        for gradient, mean in zip(gradients, torch.split(flat, [each.numel() for each in gradients]), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def gather(self, mine: object) -> list[Any]:
        """Return what each process gave, in their order, in the leading one; nothing in the others.

        It is tensors, numbers, texts, lists, tuples and dictionaries, as a checkpoint holds them.
        """
        if self.size == 1:
            return [mine]
        buffer = io.BytesIO()
        torch.save(mine, buffer)
        content = torch.frombuffer(bytearray(buffer.getbuffer()), dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with _together():
            dist.all_gather(sizes, torch.tensor([len(content)]))
        lengths = [int(size) for size in sizes]
        padded = torch.nn.functional.pad(content, (0, max(lengths) - len(content)))
        found = [torch.empty_like(padded) for _ in lengths] if self.leads else None
        with _together():
            dist.gather(padded, found, dst=0)
        parts = zip(found or (), lengths, strict=False)
        return [torch.load(io.BytesIO(part[:length].numpy().data), weights_only=True) for part, length in parts]

    def _meet(self, kind: Kind, *, what: int = 0, fraction: float = 0.0) -> Order:
        """Wait until every process has come to what all do together, and return what the leading one does.

        Whatever a process comes to, it says so in one message of the same size: two that came to different things meet,
        and do not wait for each other. It goes over the CPU, so that nobody waits for a device.

        Raises:
            PluginError: they came to different things, as a method does that draws whether it makes an update.
        """
        mine = torch.tensor([float(kind), float(what), fraction], dtype=torch.float64)
        of_each = [torch.empty_like(mine) for _ in range(self.size)]
        with _together():
            dist.all_gather(of_each, mine)
        said = [(Kind(int(each)), other) for each, other, _ in (one.tolist() for one in of_each)]
        leading = said[0]
        expected = leading if leading[0] is Kind.GRADIENTS else (Kind.HEAR, 0.0)
        if any(each != expected for each in said[1:]):
            raise PluginError(_DIFFERENT if any(each[0] != expected[0] for each in said[1:]) else _OTHER_GRADIENTS)
        return Order(leading[0], float(of_each[0][2]))


ALONE = Ranks()
"""The one process of a training that nobody shares."""


@contextlib.contextmanager
def joined(rank: int, size: int, store: str, device: torch.device) -> Iterator[Ranks]:
    """Within the block, this process and `size - 1` others of this machine share a training.

    They meet in a file and talk over the loopback interface: no other machine reaches them.

    Args:
        rank: of this process.
        size: how many they are.
        store: path of an empty file that all of them can write to.
        device: that this process trains on.

    Raises:
        PeerLostError: one of them is gone.
    """
    loopback = next((name for _, name in socket.if_nameindex() if name in _LOOPBACK), _LOOPBACK[0])
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
    # Who is gone is noticed, and named, by the process that started it: torch's own watch would abort this one first.
    os.environ["TORCH_NCCL_ASYNC_ERROR_HANDLING"] = os.environ["TORCH_NCCL_ENABLE_MONITORING"] = "0"
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.cuda.set_device(device)
    with _together():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_cuda else "gloo",
            store=dist.FileStore(store, size),  # type: ignore[attr-defined] # torch does not list it
            rank=rank,
            world_size=size,
            timeout=_PATIENCE,
        )
    yield Ranks(rank, size)
    # All of them, for NCCL's waits for all. Not where something went wrong: it would wait for who is gone.
    dist.destroy_process_group()


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """Within the block, which needs the other processes, what goes wrong is that one of them is gone."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError("a process that shared the training is gone") from error
