"""The example plugins, installed with pip: each goes from its checks to a row on somebody else's leaderboard."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))

# The verbs as the command has them, wherever its list of verbs stands.
PETBENCH = (
    "from petbench.cli.main import cli\n"
    "from petbench.cli.bundle import bundle\n"
    "from petbench.cli.plugin import plugin\n"
    "from petbench.cli.verify import accept\n"
    "[cli.add_command(verb) for verb in (bundle, plugin, accept)]\ncli(prog_name='petbench')"
)


def petbench(home: Path, *arguments: str | Path, site: Path | None = None) -> str:
    environment = os.environ | {"PETBENCH_HOME": str(home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    if site is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-c", PETBENCH, *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result.stdout


def test_there_is_an_example_of_each_way_to_write_a_method() -> None:
    assert NAMES == ["dilated-cnn", "pretrained-curve", "sgd-voxels"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_goes_from_its_checks_to_an_accepted_row(name: str, body_cohort: Path, tmp_path: Path) -> None:
    if name == "sgd-voxels" and importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn is not installed")
    site, author, keeper = (tmp_path / part for part in ("site", "author", "keeper"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(EXAMPLES / name)], check=True, capture_output=True)

    checked = json.loads(petbench(author, "plugin", "check", name, "--json", site=site))
    assert checked["passed"], [check for check in checked["checks"] if check["outcome"] == "failed"]
    petbench(author, "run", "-m", name, "-d", body_cohort, "--budget", "images=64", site=site)
    bundle = tmp_path / f"{name}.petbench.zip"
    petbench(author, "bundle", "1", "-o", bundle, site=site)

    # The keeper has the images and not the plugin.
    (accepted,) = json.loads(petbench(keeper, "accept", bundle, "-d", body_cohort, "--json"))
    assert accepted["known"] is False
    row: dict[str, Any] = json.loads(petbench(keeper, "runs", "show", str(accepted["run"]), "--json"))
    assert (row["method"], row["status"], row["verification"]) == (name, "ok", "recomputed")
    assert row["distribution"] == name
    assert any(score["metric"] == "psnr_body_suv20" for score in row["scores"])
