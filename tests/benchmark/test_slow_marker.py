"""The marker `slow` stands where it must: shown on small suites that are run as any other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

RunSuite: TypeAlias = "Callable[[str], subprocess.CompletedProcess[str]]"


@pytest.fixture
def run_suite(tmp_path: Path) -> RunSuite:
    def run(source: str) -> subprocess.CompletedProcess[str]:
        tests = tmp_path / "tests_of_somebody"
        tests.mkdir()
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
        (tests / "conftest.py").write_text("from tests.conftest import pytest_configure\n", encoding="utf-8")
        (tests / "test_it.py").write_text("import subprocess, sys\nimport pytest\n" + dedent(source), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    return run


def test_a_test_that_starts_python_needs_the_marker(run_suite: RunSuite) -> None:
    result = run_suite(
        """
        def start():
            subprocess.run([sys.executable, "-c", ""], check=True)

        def test_unmarked():
            start()

        @pytest.mark.slow
        def test_marked():
            start()

        def test_that_starts_nothing():
            pass
        """
    )
    assert "1 failed, 2 passed" in result.stdout
    assert "starts python and is not marked" in result.stdout
    assert "test_it.py::test_unmarked" in result.stdout.partition("short test summary")[2].partition("FAILED")[2]


def test_so_does_each_test_that_uses_a_fixture_which_starts_python_not_the_first_alone(run_suite: RunSuite) -> None:
    result = run_suite(
        """
        @pytest.fixture(scope="session")
        def built():
            subprocess.run([sys.executable, "-c", ""], check=True)

        @pytest.fixture
        def used(built):
            pass

        def test_first(used):
            pass

        def test_second(used):
            pass
        """
    )
    assert "2 failed" in result.stdout


def test_git_may_be_started_anywhere(run_suite: RunSuite) -> None:
    result = run_suite(
        """
        def test_git():
            subprocess.run(["git", "--version"], check=True)
        """
    )
    assert "1 passed" in result.stdout


def test_what_takes_long_without_the_marker_is_named_and_does_not_fail(run_suite: RunSuite) -> None:
    result = run_suite(
        """
        import tests.conftest

        tests.conftest.LONG_SECONDS = -1.0

        def test_unmarked():
            pass

        @pytest.mark.slow
        def test_marked():
            pass
        """
    )
    assert result.returncode == 0
    named = result.stdout.partition("not marked as slow")[2]
    assert "test_unmarked" in named
    assert "test_marked" not in named
