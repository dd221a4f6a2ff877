"""`petbench run --debug`: a few steps in this process, for the author's debugger, and nothing that stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

PLUGIN = """
from petbench import MethodSpec, StepParameters, hookimpl

def build(parameters):
    from my_debugged.networks import Method
    return Method(parameters)

@hookimpl
def petbench_methods():
    yield MethodSpec(
        name="debugged", summary="one convolution", supervision="paired", build=build, parameters=StepParameters,
        presets={"mini": {"batch_size": 4}},
    )
"""
NETWORKS = """
from torch import nn
from petbench import StepMethod

class Method(StepMethod):
    def __init__(self, parameters):
        super().__init__(parameters)
        self.network = nn.Conv2d(1, 1, 1)

    def training_step(self, batch):
        WHAT
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans):
        return self.network(scans.early)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    information = site / "my_debugged-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-debugged\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[petbench]\nmy_debugged = my_debugged\n")
    package = site / "my_debugged"
    package.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    return site


def run(
    petbench: Petbench, site: Path, body_dataset: Path, what: str, *more: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    (site / "my_debugged" / "networks.py").write_text(NETWORKS.replace("WHAT", what))
    command = [sys.executable, "-m", "petbench", "run", "-m", "debugged", "-d", str(body_dataset), "--debug", *more]
    environment = os.environ | {"PETBENCH_HOME": str(petbench.home), "PYTHONPATH": str(site)}
    return subprocess.run(command, input=typed, capture_output=True, text=True, check=False, env=environment)


def test_it_shows_each_step_and_a_prediction_and_leaves_nothing(
    petbench: Petbench, site: Path, body_dataset: Path
) -> None:
    result = run(petbench, site, body_dataset, "pass", "--steps", "3")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["step 1", "step 2", "step 3"]
    assert all("model/l1 " in line for line in lines[:3])
    assert lines[-1] == "nothing was recorded"
    assert "who does not test: mae_suv" in lines[-2]
    assert json.loads(petbench("runs", "list", "--json").stdout) == []
    assert json.loads(petbench("leaderboard", "--json").stdout) == []  # so there is nothing that could be ranked
    assert not list(petbench.home.glob("runs/*"))


def test_a_breakpoint_stops_in_the_step(petbench: Petbench, site: Path, body_dataset: Path) -> None:
    result = run(
        petbench,
        site,
        body_dataset,
        "breakpoint()",
        "--steps",
        "1",
        typed="p 'dimensions', batch.early.dim()\ncontinue\n",
    )
    assert "('dimensions', 4)" in result.stdout
    assert "my_debugged/networks.py" in result.stdout


def test_what_the_method_raises_is_shown_as_python_shows_it(petbench: Petbench, site: Path, body_dataset: Path) -> None:
    result = run(petbench, site, body_dataset, "batch.early @ batch.early[:, :, :2]")
    assert result.returncode == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "networks.py" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "3"), "--steps is for --debug"),
        (("--debug", "--seed", "0,1"), "--debug follows one run, and 2 are asked for"),
        (("--debug", "--steps", "0"), "0 is not in the range"),
    ],
)
def test_what_cannot_be_debugged_is_said_in_one_line(
    arguments: tuple[str, ...], message: str, petbench: Petbench, body_dataset: Path
) -> None:
    result = petbench("run", "-m", "pix2pix", "-d", body_dataset, *arguments, code=2)
    assert message in result.stderr
