"""What an exception or a death makes of a run, and whose fault it is."""

from __future__ import annotations

import errno
import signal
from typing import Any

import pytest

from petbench.errors import DataError, Diverged, Interrupted, PluginError, UsageError
from petbench.processes.ending import ending_of, ending_of_death
from petbench.runs.worker import with_training_kept


def cause(error: BaseException, of: BaseException) -> BaseException:
    error.__cause__ = of
    return error


@pytest.mark.parametrize(
    ("error", "suspect", "status", "fault"),
    [
        (ValueError("shape"), "method", "failed", "method"),
        (ValueError("shape"), "petbench", "failed", "petbench"),
        (PluginError("broke its contract"), "petbench", "failed", "method"),
        (DataError("changed"), "petbench", "failed", "data"),
        (UsageError("no cuda:1"), "method", "failed", "machine"),
        (OSError(errno.ENOSPC, "No space left on device"), "method", "interrupted", "machine"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "petbench", "interrupted", "machine"),
        (OSError(errno.EIO, "Input/output error"), "petbench", "interrupted", "machine"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "petbench", "interrupted", "machine"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "method", "failed", "method"),
        (FileNotFoundError(errno.ENOENT, "weights"), "method", "failed", "method"),
        (cause(RuntimeError("write"), OSError(errno.ENOSPC, "full")), "method", "interrupted", "machine"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0"), "method", "interrupted", "machine"),
        (MemoryError(), "method", "out-of-memory", "method"),
        (Diverged("loss is NaN"), "method", "diverged", "method"),
        (Interrupted("stopped"), "petbench", "interrupted", None),
    ],
)
def test_an_exception_makes_of_a_run_what_it_is_and_says_whose_fault(
    error: BaseException, suspect: Any, status: str, fault: str | None
) -> None:
    ending = ending_of(error, suspect)
    assert (ending["status"], ending.get("fault")) == (status, fault)
    assert ending["error_message"]


@pytest.mark.parametrize(
    ("code", "killed", "status", "fault"),
    [
        (-signal.SIGKILL, True, "out-of-memory", "method"),
        (-signal.SIGKILL, False, "interrupted", "machine"),
        (128 + signal.SIGKILL, False, "interrupted", "machine"),
        (128 + signal.SIGINT, False, "interrupted", "machine"),
        (-signal.SIGSEGV, False, "failed", "method"),
        (0, False, "failed", "method"),
        (7, False, "failed", "method"),
    ],
)
def test_a_death_without_a_word_is_told_by_its_code(code: int, killed: bool, status: str, fault: str) -> None:
    ending = ending_of_death(code, out_of_memory=killed)
    assert (ending["status"], ending["fault"]) == (status, fault)


def test_after_the_training_only_what_the_method_did_wrong_is_a_failure() -> None:
    for fault, status in (("petbench", "interrupted"), ("data", "interrupted"), ("method", "failed")):
        ending = with_training_kept({"status": "failed", "error_message": "what happened", "fault": fault})
        assert ending["status"] == status
        assert ending["error_message"] == (
            "what happened; the training is kept: repeat the command to go on from there"
        )
