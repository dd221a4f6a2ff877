"""What a process that is shut in takes too much of is seen from outside, whatever it starts, and ends it."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from petbench.processes.sandbox import Limits, Sandbox, why_not_isolated
from petbench.processes.tree import kill_tree
from petbench.runs.isolation import method_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_leaderboard.run_changes import RunChanges

pytestmark = pytest.mark.slow

MEGABYTE = 10**6
MEMORY = "kept = bytearray(300_000_000)\nkept[::4096] = b'x' * len(kept[::4096])\n"
SHARED = "file = open('/dev/shm/kept', 'wb')\nfor _ in range(150):\n    file.write(b'x' * 1_000_000)\n"
WAIT = "import time\ntime.sleep(60)\n"
AS_CHILD = "import os\nif os.fork():\n    os.wait()\n"
DISK = "file = open('large', 'wb')\nfor _ in range(300):\n    file.write(b'x' * 1_000_000)\nfile.flush()\n"
MANY = "[open(f'file-{n}', 'wb').write(b'x' * 3_000_000) for n in range(100)]\n"
LITTLE = "open('small', 'wb').write(b'x' * 1000)\n"


def _watched(code: str, folder: Path, limits: Limits, *, isolated: bool) -> tuple[RunChanges | None, list[int]]:
    """Run code until it is said to take too much, or ends; return what was said and what is left of it when killed."""
    job = folder / "job"
    job.mkdir()
    made = method_sandbox(sys.executable, dict(os.environ), isolated=isolated, home=folder, hidden=(), visible=())
    sandbox = Sandbox(made.python, made.environment, isolated, made.readable, made.hidden, limits)
    with (folder / "output").open("wb") as output:
        process = sandbox.start(["-c", code], folder=job, descriptors=(), output=output.fileno())
    found = None
    while found is None and process.poll() is None:
        found = sandbox.excess(process.pid, job)
        time.sleep(0.02)
    family = [process.pid, *(each.pid for each in _children(process.pid))]
    kill_tree(process.pid)
    process.wait()
    return found, [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("code", "limit", "status"),
    [
        (MEMORY + WAIT, "MemoryLimit", "out-of-memory"),
        (AS_CHILD + "else:\n    " + MEMORY.replace("\n", "\n    ") + WAIT.replace("\n", "\n    "), "MemoryLimit", ""),
        (DISK + WAIT, "DiskLimit", "failed"),
        (MANY + WAIT, "DiskLimit", "failed"),
        (LITTLE, None, None),
    ],
    ids=["memory", "memory of a child", "one file", "many files", "little"],
)
@pytest.mark.parametrize(
    "isolated",
    [
        False,
        pytest.param(True, marks=pytest.mark.skipif(why_not_isolated() is not None, reason=str(why_not_isolated()))),
    ],
)
def test_more_than_the_limit_ends_it_with_all_that_it_started(
    code: str, limit: str | None, status: str | None, isolated: bool, tmp_path: Path
) -> None:
    limits = Limits(memory_bytes=200 * MEGABYTE, disk_bytes=200 * MEGABYTE)
    found, left = _watched(code, tmp_path, limits, isolated=isolated)
    assert left == []
    assert (found and found["error_class"]) == limit
    if found is not None and status:
        assert (found["status"], found["fault"]) == (status, "method")


@pytest.mark.skipif(why_not_isolated() is not None, reason=str(why_not_isolated()))
def test_folders_in_memory_hold_no_more_than_a_process_may_use(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=100 * MEGABYTE, disk_bytes=200 * MEGABYTE)
    for place in ("/dev/shm", "/tmp"):
        folder = tmp_path / place.strip("/").replace("/", "-")
        folder.mkdir()
        found, _ = _watched(SHARED.replace("/dev/shm", place), folder, limits, isolated=True)
        assert found is None
        assert "No space left on device" in (folder / "output").read_text()
