"""A dataset is found by its name and built once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

UNGUARDED = """
import sys
from petbench.cli.main import main
sys.argv = ["petbench", "datasets", "build", "fdg-phantom-mini"]
main()
"""


def test_a_script_without_a_main_guard_ends_with_a_reason_instead_of_waiting_for_itself(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    environment = os.environ | {"PETBENCH_HOME": str(tmp_path / "home")}
    command = [sys.executable, str(script)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert "__main__" in result.stderr


WAITING = """
import multiprocessing, sys
from pathlib import Path
from petbench.plans.datasets import build_once
print("ready", flush=True)
build_once(lambda folder, progress: print("built"), Path(sys.argv[1]), print)
"""


def test_a_process_that_only_imports_multiprocessing_waits_for_the_build_of_another(tmp_path: Path) -> None:
    held = FileLock(tmp_path / "people.lock")
    with held:
        command = [sys.executable, "-c", WAITING, str(tmp_path / "people")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=2)
            held.release()
            printed, errors = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "built\n"), errors
