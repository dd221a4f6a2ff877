"""What keeps the marker `slow` true: a test without it starts no program, and is named when it takes long.

`make test-fast` leaves marked tests out. Nearly all of the suite's time is spent in processes that tests start, above
all in importing torch there; so the rule is about processes and not about seconds, which differ from machine to
machine.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

ALLOWED = {"git", "lscpu"}  # quick; libraries ask lscpu for the number of cores
LONG_SECONDS = 10.0
MADE_ONCE = "made_runs"  # the first test that needs a run starts programs, and the next finds it made


class SlowMarker:
    """Watches which programs tests and fixtures start, and how long tests take."""

    def __init__(self) -> None:
        self._under_way: list[object] = []  # tests and fixtures, the innermost last
        self._started: defaultdict[object, list[str]] = defaultdict(list)
        sys.addaudithook(self._note_process)

    def _note_process(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and self._under_way:
            name = Path(str(arguments[0])).name
            if name not in ALLOWED:
                self._started[self._under_way[-1]].append(name)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Note what a fixture starts: every test that uses it is slow, whichever is the first."""
        self._under_way.append(fixturedef)
        try:
            return (yield)
        finally:
            self._under_way.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Generator[None, Any, Any]:
        """Fail a test that starts a program, itself or through a fixture, and is not marked."""
        self._under_way.append(item)
        try:
            result = yield
        finally:
            self._under_way.pop()
        fixtures = [used for name in item.fixturenames for used in item._fixtureinfo.name2fixturedefs.get(name, ())]
        programs = sorted({name for owner in (item, *fixtures) for name in self._started.get(owner, ())})
        if MADE_ONCE in item.fixturenames and not programs:
            programs = ["the programs of a run"]
        if programs and item.get_closest_marker("slow") is None:
            pytest.fail(f"starts {', '.join(programs)} and is not marked: add @pytest.mark.slow", pytrace=False)
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that take long and are not marked."""
        seconds: defaultdict[str, float] = defaultdict(float)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports(""):
            if isinstance(report, pytest.TestReport) and "slow" not in report.keywords:
                seconds[report.nodeid] += report.duration
        found = sorted(((took, test) for test, took in seconds.items() if took > LONG_SECONDS), reverse=True)
        if found:
            terminalreporter.section(f"over {LONG_SECONDS:g} s here and not marked as slow")
            for took, test in found:
                terminalreporter.line(f"{took:.0f} s  {test}")


def pytest_configure(config: pytest.Config) -> None:
    """Register the watch as a plugin: the hooks of a conftest.py in a folder are not called for session fixtures."""
    config.pluginmanager.register(SlowMarker())
