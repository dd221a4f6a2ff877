"""A method's trained state: saved and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import PetbenchError, UsageError
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Method


def choose_device(asked: str) -> torch.device:
    """Return the device that was asked for; `auto` is the first CUDA device where there is one.

    Raises:
        UsageError: there is no such device here.
    """
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise UsageError(f"the device {asked!r} is not understood; use auto, cpu, cuda or cuda:INDEX") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"petbench does not run on {asked!r}; use auto, cpu, cuda or cuda:INDEX")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"there is no {asked} here; `petbench doctor` says what there is, --device auto takes it")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def save(method: Method, path: Path) -> None:
    """Write a method's state into a file."""
    with atomic_path(path) as temporary:
        torch.save(dict(method.state_dict()), temporary)


def load(method: Method, path: Path) -> None:
    """Give a method the state in a file.

    Raises:
        PetbenchError: the file is gone or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise PetbenchError(f"{path}: the model of this run is gone; run the method again with --force") from None
    except Exception as error:  # a damaged file raises whatever the unpickler met first
        raise PetbenchError(f"{path}: cannot be read ({type(error).__name__}); run again with --force") from error
    method.load_state_dict(state)
