"""A method's trained state: saved and loaded."""

from __future__ import annotations

import io
import pickle
import re
from typing import IO, TYPE_CHECKING, Any

import torch

from petbench.errors import PetbenchError, PluginError, one_line
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Method

HOW_TO_KEEP = (
    "a state is tensors, numbers, texts, lists and dictionaries: keep a NumPy array as torch.from_numpy(array), and "
    "the trees of a forest as arrays of their nodes, or as skops or ONNX, whose bytes go into a uint8 tensor"
)
_FORBIDDEN = re.compile(r"Unsupported (?:global|class|operand)[: ]+(?:GLOBAL )?([\w.]+)")


def save(method: Method, path: Path) -> None:
    """Write a method's state into a file, and make sure that it can be read back.

    Raises:
        PluginError: it cannot, by the rules of loading.
    """
    buffer = io.BytesIO()
    try:
        torch.save(dict(method.state_dict()), buffer)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise PluginError(f"state_dict() cannot be saved ({one_line(error)}); {HOW_TO_KEEP}") from error
    buffer.seek(0)
    check_state(buffer)
    # Written from memory: torch's own writer says of a full disk only that it failed.
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def check_state(file: IO[bytes]) -> dict[str, Any]:
    """Read a saved state by the rules of loading, and return it.

    Raises:
        PluginError: it holds what would have to be unpickled, now or later.
    """
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever it met first
        named = _FORBIDDEN.search(str(error))
        what = named.group(1) if named else one_line(error)
        raise PluginError(f"the state of the method cannot be read back: it holds {what}; {HOW_TO_KEEP}") from error
    _refuse_bytes(state, "state_dict()")
    return state


def _refuse_bytes(value: object, where: str) -> None:
    if isinstance(value, (bytes, bytearray)):
        raise PluginError(f"{where} is {type(value).__name__}, which only code can make sense of; {HOW_TO_KEEP}")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_bytes(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple, set)):
        for number, item in enumerate(value):
            _refuse_bytes(item, f"{where}[{number}]")


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
