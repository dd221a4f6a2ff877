"""Which devices a run may ask for, and which of them are here; torch is loaded only to count accelerators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench.errors import UsageError

if TYPE_CHECKING:
    import torch

_NAMES = re.compile(r"auto|cpu(:0)?|cuda(:\d{1,4})?")


def require_device_name(asked: str) -> None:
    """Refuse what is no name of a device that petbench runs on, whatever this machine has.

    Raises:
        UsageError: it is none.
    """
    if not _NAMES.fullmatch(asked):
        raise UsageError(f"petbench does not run on {asked!r}; use auto, cpu, cuda or cuda:INDEX")


def require_device(asked: str, processes: int = 1) -> None:
    """Refuse a device that is not here: before a run is planned, and before one that was stopped goes on.

    Args:
        asked: as typed.
        processes: that share the training, on a card each.

    Raises:
        UsageError: there is no such device here, or there are fewer cards.
    """
    require_device_name(asked)
    if asked.startswith("cuda") or processes > 1:
        choose_device(asked, processes=processes)


def choose_device(asked: str, *, rank: int = 0, processes: int = 1) -> torch.device:
    """Return the device that was asked for; `auto` is the first CUDA device where there is one.

    Args:
        asked: as typed.
        rank: of the process that asks, among those that share a training: each has a card of its own, in their order.
        processes: how many they are.

    Raises:
        UsageError: there is no such device here, or there are fewer cards than processes.
    """
    import torch

    require_device_name(asked)
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(asked)
    if device.type != "cuda":
        return device
    count = torch.cuda.device_count()
    if processes > 1 and count < processes:
        raise UsageError(
            f"{processes} processes that share a training need a card each, and this machine has {count}: ask for "
            "fewer, or try it with --processes on --device cpu"
        )
    index = rank if processes > 1 else device.index or 0
    if index >= count:
        raise UsageError(f"there is no {asked} here; `petbench doctor` says what there is, --device auto takes it")
    return torch.device("cuda", index)
