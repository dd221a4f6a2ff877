"""How a run ends that an exception or the death of its process ends, and whose fault that is."""

from __future__ import annotations

import errno
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from petbench.errors import (
    ChangedError,
    DataError,
    Diverged,
    Interrupted,
    PluginError,
    SharingError,
    UsageError,
    causes,
    one_line,
    plain_line,
    text_of,
)

if TYPE_CHECKING:
    from petbench_leaderboard.records import Status
    from petbench_leaderboard.run_changes import RunChanges

Fault = Literal["method", "machine", "data", "petbench"]
"""Whose fault an ending is: the method's code; the disk, the memory, the system; the dataset; petbench itself."""

_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "ENFILE", "ESTALE", "ENOLCK", "EREMOTEIO", "ENODEV", "ENXIO")
    if hasattr(errno, name)
)
_FULL_DISK = ("No space left on device", "PytorchStreamWriter failed writing file")
"""What libraries say of a full disk that raise no OSError."""

REPEAT = "repeat the command to resume"


def ending_of(error: BaseException, suspect: Fault) -> RunChanges:
    """Return what an exception makes of a run: its status, the exception's class, one line, and whose fault it is.

    A fault of the machine, such as a full disk, ends no run for good: it is interrupted, and resumes.

    Args:
        error: the exception.
        suspect: whose code runs where the exception was caught: what nobody else is to blame for is its fault.
    """
    name, line = plain_line(type(error).__name__), text_of(error)
    if isinstance(error, (Interrupted, KeyboardInterrupt)):
        return {"status": "interrupted", "error_message": line or f"stopped; {REPEAT}"}
    if isinstance(error, ChangedError | SharingError):  # nothing that the method did: it goes on when it is put right
        return {"status": "interrupted", "error_class": name, "error_message": line, "fault": "machine"}
    if isinstance(error, Diverged):
        return {"status": "diverged", "error_class": name, "error_message": line, "fault": "method"}
    if _is_out_of_memory(error, line):
        message = line or "no memory was left"
        return {"status": "out-of-memory", "error_class": name, "error_message": message, "fault": "method"}
    machine = next((cause for cause in causes(error) if _is_of_the_machine(cause, suspect)), None)
    if machine is not None:
        message = f"{one_line(machine)}; put that right and {REPEAT}"
        return {"status": "interrupted", "error_class": name, "error_message": message, "fault": "machine"}
    return {
        "status": "failed",
        "error_class": name,
        "error_message": one_line(error),
        "fault": _fault(error, suspect),
    }


def ending_of_death(code: int, *, out_of_memory: bool) -> RunChanges:
    """Return what it makes of a run that a process died without a word.

    Args:
        code: of the process, as `subprocess` or a shell gives it.
        out_of_memory: whether the kernel has killed a process for memory meanwhile.
    """
    number = -code if code < 0 else code - 128
    status: Status = "failed"
    fault: Fault = "method"
    message = f"the process ended with code {code} before it was done; its log says more"
    if out_of_memory:
        status, message = "out-of-memory", "the system ran out of memory and killed the process; use a smaller batch"
    elif number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
        status, fault, message = "interrupted", "machine", f"killed by signal {number}; {REPEAT}"
    elif code < 0:
        message = f"the process died of signal {number} ({signal.Signals(number).name}); its log says more"
    return {"status": status, "error_class": "ProcessDied", "error_message": message, "fault": fault}


def out_of_memory_kills() -> int:
    """Return how many processes the kernel has killed for memory since boot, where it says."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _is_out_of_memory(error: BaseException, line: str) -> bool:
    torch: Any = sys.modules.get("torch")
    if isinstance(error, MemoryError) or "can't allocate memory" in line:
        return True
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _is_of_the_machine(error: BaseException, suspect: Fault) -> bool:
    if isinstance(error, OSError) and (
        error.errno in _OF_THE_MACHINE
        # A method may break a pipe of its own; those of petbench are broken by whoever reads them.
        or (error.errno == errno.EPIPE and suspect == "petbench")
    ):
        return True
    exceptions: Any = sys.modules.get("sqlalchemy.exc")
    if exceptions is not None and isinstance(error, exceptions.OperationalError):
        return True
    return isinstance(error, RuntimeError) and any(words in text_of(error) for words in _FULL_DISK)


def _fault(error: BaseException, suspect: Fault) -> Fault:
    if isinstance(error, PluginError):
        return "method"
    if isinstance(error, DataError):
        return "data"
    if isinstance(error, UsageError):  # such as a device that is not there any more
        return "machine"
    return suspect
