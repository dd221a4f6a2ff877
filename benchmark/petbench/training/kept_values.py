"""What a state may hold: it is read back without running any code, by torch's rules."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping
from typing import IO, Any

import torch

from petbench.errors import PluginError, one_line

HOW_TO_KEEP = (
    "a state is tensors, numbers, texts, lists and dictionaries: keep a NumPy array as torch.from_numpy(array), and "
    "the trees of a forest as arrays of their nodes, or as skops or ONNX, whose bytes go into a uint8 tensor"
)
_FORBIDDEN = re.compile(r"Unsupported (?:global|class|operand)[: ]+(?:GLOBAL )?([\w.]+)")
_PLAIN = (type(None), bool, int, float, str)


def check_state(file: IO[bytes]) -> dict[str, Any]:
    """Read a saved state by the rules of loading, and return it.

    Raises:
        PluginError: it holds what would have to be unpickled, now or later.
    """
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever it met first
        raise PluginError(
            f"the state of the method cannot be read back: it holds {_what(error)}; {HOW_TO_KEEP}"
        ) from error
    refuse_unreadable(state, "state_dict()")
    return state


def refuse_unreadable(value: object, where: str, *, bytes_too: bool = False) -> None:
    """Make sure that a state can be written and read back; tensors are, and are not looked into.

    Args:
        value: the state, or a part of it.
        where: what the author calls it, such as `state_dict()['lines']`.
        bytes_too: whether bytes may be in it: those of a checkpoint are read by the code that wrote them alone.

    Raises:
        PluginError: it cannot; the message says which part of it, and what that is.
    """
    if type(value) in _PLAIN or type(value) in (torch.Tensor, torch.nn.Parameter):
        return
    if isinstance(value, (bytes, bytearray)):
        if bytes_too:
            return
        raise PluginError(f"{where} is {type(value).__name__}, which only code can make sense of; {HOW_TO_KEEP}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            refuse_unreadable(key, f"the key {key!r} of {where}", bytes_too=bytes_too)
            refuse_unreadable(item, f"{where}[{key!r}]", bytes_too=bytes_too)
    elif isinstance(value, (list, tuple, set)):
        for number, item in enumerate(value):
            refuse_unreadable(item, f"{where}[{number}]", bytes_too=bytes_too)
    elif (reason := _reason(value)) is not None:
        raise PluginError(f"{where} {reason}; {HOW_TO_KEEP}")


def _reason(value: object) -> str | None:
    """Say why one value cannot be kept, by trying; None if it can."""
    buffer = io.BytesIO()
    try:
        torch.save(value, buffer)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        return f"cannot be saved ({one_line(error)})"
    buffer.seek(0)
    try:
        torch.load(buffer, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever it met first
        return f"cannot be read back: it holds {_what(error)}"
    return None


def _what(error: Exception) -> str:
    named = _FORBIDDEN.search(str(error))
    return named.group(1) if named else one_line(error)
