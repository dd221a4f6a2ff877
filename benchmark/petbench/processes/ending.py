"""What an exception makes of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import Diverged, Interrupted, PetbenchError

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunChanges


def ending_of(error: BaseException) -> RunChanges:
    """Return what an exception makes of a run: its status, the exception's class and one line."""
    import torch

    line = " ".join(str(error).split())[:500]
    name = type(error).__name__
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return {"status": "interrupted", "error_message": line or "stopped; repeat the command to go on"}
    if isinstance(error, Diverged):
        return {"status": "diverged", "error_class": name, "error_message": line}
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in line:
        return {"status": "out-of-memory", "error_class": name, "error_message": line or "no memory was left"}
    if not line or not isinstance(error, PetbenchError):
        line = f"{name}: {line}" if line else name
    return {"status": "failed", "error_class": name, "error_message": line}
