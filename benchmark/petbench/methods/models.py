"""A method's trained state: saved and loaded."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import PetbenchError
from petbench.training.kept_values import check_state, refuse_unreadable
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Method


def written(method: Method) -> tuple[io.BytesIO, dict[str, Any]]:
    """Return a method's state as a file holds it, and as it is read back.

    Raises:
        PluginError: it cannot be, by the rules of loading.
    """
    state = dict(method.state_dict())
    refuse_unreadable(state, "state_dict()")
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer, check_state(buffer)


def save(method: Method, path: Path) -> None:
    """Write a method's state into a file, and make sure that it can be read back.

    Raises:
        PluginError: it cannot, by the rules of loading.
    """
    buffer, _ = written(method)
    # Written from memory: torch's own writer says of a full disk only that it failed.
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


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
