"""The example plugins, installed with pip: each goes from its checks to a row on somebody else's leaderboard."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from petbench.methods.program import venv
from petbench.processes.sandbox import ISOLATED, NOT_ISOLATED, why_not_isolated

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))

#: pip stays off the network, and builds with the backend that is installed here.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def petbench(home: Path, *arguments: str | Path, python: Path | None = None, code: int = 0) -> str:
    """Run the command, in a virtual environment of its own where one is named, and return what it says."""
    environment = dict(os.environ) if python is None else venv.variables(inherits=True)
    environment |= OFFLINE | {"PETBENCH_HOME": str(home), "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [str(python or sys.executable), "-m", "petbench", *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == code, f"{result.stdout}\n{result.stderr}"
    return result.stdout if code == 0 else result.stderr


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Return what installs a package with pip into a fresh environment that sees the installed torch."""

    def make(package: Path) -> Path:
        for name, value in OFFLINE.items():
            monkeypatch.setenv(name, value)
        python = venv.create(tmp_path / "environment")
        venv.install(tmp_path / "environment", [str(package)], inherits=True)
        return python

    return make


def test_there_is_an_example_of_each_way_to_write_a_method() -> None:
    assert NAMES == ["dilated-cnn", "pretrained-curve", "sgd-voxels"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_goes_from_its_checks_to_an_accepted_row(
    name: str, body_dataset: Path, tmp_path: Path, fresh: Callable[[Path], Path]
) -> None:
    if name == "sgd-voxels" and importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn is not installed")
    author, organizer = tmp_path / "author", tmp_path / "organizer"
    python = fresh(EXAMPLES / name)
    checked = json.loads(petbench(author, "plugin", "check", name, "--json", python=python))
    assert checked["passed"], [check for check in checked["checks"] if check["outcome"] == "failed"]
    petbench(author, "run", "-m", name, "-d", body_dataset, "--budget", "images=64", python=python)
    submission = tmp_path / f"{name}.petbench.zip"
    petbench(author, "submit", "1", "-o", submission, python=python)

    # The organizer has the images and not the plugin.
    assert name not in petbench(organizer, "methods", "--json")
    (accepted,) = json.loads(petbench(organizer, "leaderboard", "accept", submission, "-d", body_dataset, "--json"))
    assert accepted["known"] is False
    row: dict[str, Any] = json.loads(petbench(organizer, "runs", "show", str(accepted["run"]), "--json"))
    assert (row["method"], row["status"], row["verification"]) == (name, "ok", "rescored")
    assert row["distribution"] == name
    assert any(score["metric"] == "psnr_body_suv20" for score in row["scores"])


@pytest.mark.slow
def test_a_organizer_trains_an_example_again_from_the_source_that_she_names(
    body_dataset: Path, tmp_path: Path, fresh: Callable[[Path], Path]
) -> None:
    author, organizer = tmp_path / "author", tmp_path / "organizer"
    python = fresh(EXAMPLES / "dilated-cnn")
    small = ("--budget", "images=64", "--set", "width=4", "--precision", "fp32")
    petbench(author, "run", "-m", "dilated-cnn", "-d", body_dataset, *small, python=python)
    submission = tmp_path / "dilated-cnn.petbench.zip"
    petbench(author, "submit", "1", "-o", submission, python=python)

    accept = ("leaderboard", "accept", submission, "-d", body_dataset, "--reproduce")
    assert "--plugin-source" in petbench(organizer, *accept, code=2)
    other = tmp_path / "other"
    shutil.copytree(EXAMPLES / "dilated-cnn", other)
    code = (other / "dilated_cnn" / "method.py").read_text(encoding="utf-8")
    (other / "dilated_cnn" / "method.py").write_text(f"{code}# changed\n", encoding="utf-8")
    refused = petbench(organizer, *accept, "--plugin-source", other, code=1)
    assert "its code (SHA-256) is" in refused
    assert json.loads(petbench(organizer, "runs", "list", "--json")) == []

    (again,) = json.loads(petbench(organizer, *accept, "--plugin-source", EXAMPLES / "dilated-cnn", "--json"))
    assert (again["status"], again["known"]) == ("ok", False)
    differences = {each["metric"]: each["difference"] for each in again["differences"] if each["region"] == "body"}
    assert abs(differences["psnr_body_suv20"]) < 1e-3
    row = json.loads(petbench(organizer, "runs", "show", str(again["run"]), "--json"))
    assert (row["status"], row["verification"], row["method"]) == ("ok", "reproduced", "dilated-cnn")
    assert row["isolation"] == (NOT_ISOLATED if why_not_isolated() else ISOLATED)
    assert row["machine"]["reproduction"]["differences"]
    assert not list((organizer / "cache").glob("reproduce-*"))
