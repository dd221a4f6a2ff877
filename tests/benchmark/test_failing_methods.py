"""A method that fails leaves a row that says how, and a log with its traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is read from /proc")

THIRD_PARTY = """
    import os, sys, time
    import numpy as np
    from petbench import MethodSpec, hookimpl

    class Fragile:
        def fit(self, data, run):
            seen = data.scans()
            if MODE == "raise":
                raise ValueError("the weights went astray")
            if MODE == "exit":
                sys.exit(7)
            if MODE == "die":
                os.kill(os.getpid(), 9)
            if MODE in ("large", "small"):
                import resource
                pages = int(open("/proc/self/statm").read().split()[0])
                limit = pages * resource.getpagesize() + 2**28
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
                kept = [np.ones(2**30)] if MODE == "large" else []
                while True:
                    kept.append(bytearray(2**18))
        def predict(self, scan):
            return np.full_like(scan.early, np.nan) if MODE == "nan" else scan.early
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="fragile", summary="fails on request", build=lambda parameters: Fragile())]
"""


@pytest.fixture
def fragile(tmp_path: Path) -> Any:
    """Install a method that fails in a way of the test's choice; returns the variables that make it visible."""

    def install(mode: str) -> dict[str, str]:
        return install_module(tmp_path / f"site-{mode}", "fragile", THIRD_PARTY.replace("MODE", repr(mode)))

    return install


@pytest.mark.parametrize(
    ("mode", "status", "message"),
    [
        ("exit", "failed", "SystemExit: 7"),
        ("die", "interrupted", "killed by signal 9"),
        pytest.param("large", "out-of-memory", "Unable to allocate", marks=_LINUX),
        pytest.param("small", "out-of-memory", "no memory", marks=_LINUX),
        ("nan", "failed", "NaN"),
    ],
)
def test_a_failing_method_leaves_a_row_that_says_how(
    mode: str, status: str, message: str, petbench: Petbench, body_dataset: Path, fragile: Any
) -> None:
    check_failed(mode, status, message, petbench, body_dataset, fragile)


def check_failed(mode: str, status: str, message: str, petbench: Petbench, dataset: Path, fragile: Any) -> None:
    """Run the fragile method, and make sure that its row says what became of it."""
    code = 130 if status == "interrupted" else 1
    result = petbench("run", "-m", "fragile", "-d", dataset, code=code, variables=fragile(mode))
    assert message in result.stderr
    (row,) = petbench.json("runs", "list")
    assert (row["status"], row["method"], row["distribution"]) == (status, "fragile", "fragile")
    assert message in row["error_message"]
    assert not list((petbench.home / "runs").glob("*/predictions/*.nii.gz"))


def test_an_exception_leaves_a_failed_row_and_its_traceback_in_the_log(
    petbench: Petbench, body_dataset: Path, fragile: Any
) -> None:
    check_failed("raise", "failed", "ValueError: the weights went astray", petbench, body_dataset, fragile)
    log = petbench("runs", "log", "1").stdout
    assert "Traceback" in log
    assert "the weights went astray" in log
