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


def require_device(asked: str) -> None:
    """Refuse a device that is not here: before a run is planned, and before one that was stopped goes on.

    Raises:
        UsageError: there is no such device here.
    """
    require_device_name(asked)
    if asked.startswith("cuda"):
        choose_device(asked)


def choose_device(asked: str) -> torch.device:
    """Return the device that was asked for; `auto` is the first CUDA device where there is one.

    Raises:
        UsageError: there is no such device here.
    """
    import torch

    require_device_name(asked)
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(asked)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"there is no {asked} here; `petbench doctor` says what there is, --device auto takes it")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device
