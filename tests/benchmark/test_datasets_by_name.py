"""A dataset is found by its name and built once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

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
