"""`import petbench` costs nothing, and what it exports is what the commands work with."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from tests.benchmark.test_house_rules import HEAVY

import petbench

FUNCTIONS = sorted(name for name in petbench.__all__ if inspect.isfunction(getattr(petbench, name)))


@pytest.mark.slow
@pytest.mark.parametrize("code", ["import petbench", "import petbench\nfrom petbench import Session\nSession()"])
def test_importing_petbench_imports_nothing_heavy(code: str) -> None:
    names = (*HEAVY, "numpy", "click", "pandas", "polars")
    shown = f"import sys\n{code}\nprint([name for name in {names!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_asking_for_a_function_imports_no_torch_and_no_command(name: str) -> None:
    shown = f"import sys\nfrom petbench import {name}\nprint('torch' in sys.modules, 'petbench.cli' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


def test_every_function_says_what_it_takes_and_what_it_raises() -> None:
    assert {"open_dataset", "run", "score", "leaderboard"} <= set(FUNCTIONS)
    for name in FUNCTIONS:
        if name == "hookimpl":
            continue
        function = getattr(petbench, name)
        said = inspect.getdoc(function) or ""
        assert "Raises:" in said, name
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"
            assert f"{parameter.name}: " in said, f"{name}({parameter.name})"
