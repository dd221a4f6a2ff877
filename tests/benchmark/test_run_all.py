"""`petbench run` for several methods, seeds and folds: every run has its row, and none stops the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

PLUGIN = """
    import os, psutil, signal
    from petbench import MethodSpec, hookimpl

    class Odd:
        def __init__(self, name):
            self.name = name
        def fit(self, data, run):
            if self.name == "broken":
                raise ValueError("it never worked")
            if self.name == "impatient" and not os.path.exists(SECOND):
                open(SECOND, "w").close()
                os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGINT)  # of the run's process: the command
                while not run.should_stop():
                    os.sched_yield()
        def predict(self, scan):
            return scan.early * float(len(self.name))
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    @hookimpl
    def petbench_methods():
        return [
            MethodSpec(name=name, summary="odd", build=lambda parameters, name=name: Odd(name))
            for name in ("broken", "impatient", "well")
        ]
"""


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, str]:
    """Install a method that fails, one that presses Ctrl-C, and one that works; returns what makes them visible."""
    return install_module(tmp_path / "site", "odd", PLUGIN.replace("SECOND", repr(str(tmp_path / "second"))))


def test_a_matrix_leaves_a_row_each_and_a_failure_stops_none(
    petbench: Petbench, body_dataset: Path, odd: dict[str, str]
) -> None:
    petbench("run", "-m", "well", "-d", body_dataset, variables=odd)
    matrix = ("run", "-m", "broken", "-m", "well", "-d", body_dataset, "--seed", "0,3", "--fold", "all")
    result = petbench(*matrix, "--json", code=1, variables=odd)
    facts = json.loads(result.stdout)
    assert [(run["method"], run["seed"], run["status"], run["known"]) for run in facts["runs"]] == [
        ("broken", 0, "failed", False),
        ("broken", 3, "failed", False),
        ("well", 0, "ok", True),
        ("well", 3, "ok", False),
    ]
    assert "[1/4] broken fold 0 seed 0: run 2 failed (the method's fault): ValueError: it never worked" in result.stderr
    assert "[3/4] well fold 0 seed 0: run 1 is on the leaderboard already" in result.stderr
    assert "4 runs: 1 ran, 1 there already, 2 did not end well" in result.stderr
    assert len(petbench.json("runs", "list")) == 4


def test_ctrl_c_leaves_the_rest_untouched_and_the_same_command_goes_on(
    petbench: Petbench, body_dataset: Path, odd: dict[str, str]
) -> None:
    matrix = ("run", "-m", "impatient", "-m", "well", "-d", body_dataset)
    stopped = petbench(*matrix, code=130, variables=odd)
    assert "[1/2] impatient fold 0 seed 0: run 1 interrupted" in stopped.stderr
    assert "2 runs: 1 did not end well, 1 not begun" in stopped.stderr
    assert "repeat the same command to resume" in stopped.stderr
    assert [row["status"] for row in petbench.json("runs", "list")] == ["interrupted"]
    again = petbench(*matrix, variables=odd)
    assert "2 runs: 2 ran" in again.stderr
    assert [row["status"] for row in petbench.json("runs", "list")] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "4..0"], "--seed"),
        (["--seed", "9999999999"], "at most 4294967295"),
        (["--fold", "0..x"], "--fold"),
        (["--fold", "0..3"], "folds 0 to 0"),
        (["-m", "pix2px"], "did you mean 'pix2pix'"),
        (["--time-limit", "0"], "--time-limit"),
    ],
)
def test_a_matrix_that_makes_no_sense_runs_nothing(
    arguments: list[str], message: str, petbench: Petbench, body_dataset: Path
) -> None:
    assert message in petbench("run", "-m", "identity", "-d", body_dataset, *arguments, code=2).stderr
    assert not (petbench.home / "runs").exists()
