"""A run that hangs is stopped at its time limit, and nothing that it has started lives on."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.benchmark.installed import install_module

from petbench.processes.tree import kill_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

#: Starts a child, and through a go-between that ends at once a grandchild in a session of its own; both then hang.
FAMILY = """
    import os, subprocess, sys, time
    HANG = "import time; time.sleep(1000)"
    child = subprocess.Popen([sys.executable, "-c", HANG])
    go_between = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', %r], stdout=2).pid)" % HANG
    asked = subprocess.run(  # the grandchild keeps no end of the pipe, or this would wait for it
        [sys.executable, "-c", go_between], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    PIDS = [child.pid, int(asked.stdout)]
"""

HANGING = """
    import json, os
    from pathlib import Path
    from petbench import MethodSpec, hookimpl

    class Hanging:
        def fit(self, data, run):
            exec(FAMILY, globals())
            Path(TOLD).write_text(json.dumps([os.getpid(), *PIDS]))
            time.sleep(1000)
        def predict(self, scan):
            return scan.early
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="hanging", summary="never ends", build=lambda parameters: Hanging())]
"""


def lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt its orphans")
def test_a_whole_family_is_killed_the_child_that_went_its_own_way_included() -> None:
    script = "from petbench.processes.tree import adopt_orphans\nadopt_orphans()\n" + dedent(FAMILY)
    script += "\nprint(*PIDS, flush=True)\ntime.sleep(1000)\n"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(lives(pid) for pid in pids)
        assert kill_tree(process.pid) == 3
        assert not [pid for pid in (process.pid, *pids) if lives(pid)]


def test_a_family_that_is_gone_already_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert kill_tree(process.pid) == 0


def test_a_run_that_hangs_leaves_a_timed_out_row_and_no_process(
    petbench: Petbench, body_dataset: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told.json"
    source = HANGING.replace("FAMILY", repr(dedent(FAMILY))).replace("TOLD", repr(str(told)))
    visible = install_module(tmp_path / "site", "hanging", source)
    command = ("run", "-m", "hanging", "-d", body_dataset, "--time-limit", "6")
    result = petbench(*command, code=1, variables=visible)
    assert "timed-out" in result.stderr
    (row,) = petbench.json("runs", "list")
    assert (row["status"], row["error_class"]) == ("timed-out", "TimeLimit")
    assert "time limit of 6 s" in row["error_message"]
    # On a very slow machine the limit comes before the method has started anybody.
    pids = [int(pid) for pid in told.read_text(encoding="utf-8").strip("[]").split(",")] if told.exists() else []
    assert not [pid for pid in pids if lives(pid)]
    assert not [process for process in psutil.process_iter(["cmdline"]) if _works_in(process, petbench.home)]


def _works_in(process: psutil.Process, home: Path) -> bool:
    return any(str(home) in argument for argument in process.info["cmdline"] or ())
