"""How a run ends that an exception ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import ChangedError, Diverged, Interrupted, one_line

if TYPE_CHECKING:
    from petbench_leaderboard.records import RunChanges


def ending_of(error: BaseException) -> RunChanges:
    """Return what an exception makes of a run: its status, the exception's class and one line."""
    import torch

    line = " ".join(str(error).split())[:500]
    name = type(error).__name__
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return {"status": "interrupted", "error_message": line or "stopped; repeat the command to resume"}
    if isinstance(error, ChangedError):  # nothing that the method did: it goes on when it is put back
        return {"status": "interrupted", "error_class": name, "error_message": line}
    if isinstance(error, Diverged):
        return {"status": "diverged", "error_class": name, "error_message": line}
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in line:
        return {"status": "out-of-memory", "error_class": name, "error_message": line or "no memory was left"}
    return {"status": "failed", "error_class": name, "error_message": one_line(error)[:500]}
