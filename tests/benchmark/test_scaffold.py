"""`petbench plugin new`: what it writes installs, keeps the contract and trains at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.benchmark.installed import write_information

from petbench.cli.main import PetbenchGroup
from petbench.cli.plugin import plugin
from petbench.errors import UsageError
from petbench.scaffold import KINDS, Kind, create

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"README.md", "pyproject.toml", "my_net/__init__.py", "my_net/method.py", "tests/test_my_net.py"}


def install(package: Path, site: Path) -> None:
    """Make a package importable, its entry point included, as an editable install would."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    write_information(site, project["name"], project["version"], project["entry-points"]["petbench"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests_untouched(kind: Kind, tmp_path: Path) -> None:
    package = create("my-net", tmp_path, kind)
    extra = {"my_net/weights.json"} if kind == "pretrained" else set()
    assert {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()} == FILES | extra
    install(package, tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}:{package}", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTEST_CURRENT_TEST", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(package / "tests")]
    result = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "passed" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_listed_under_its_name(kind: Kind, tmp_path: Path) -> None:
    package = create("my-net", tmp_path, kind)
    install(package, tmp_path / "site")
    code = "from petbench.registry import load_plugins; print(load_plugins().method('my-net')[1].distribution)"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}:{package}"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == "my-net", result.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_method_of_a_new_package_is_about_a_screen_long(kind: Kind, tmp_path: Path) -> None:
    text = (create("my-net", tmp_path, kind) / "my_net" / "method.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 50
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", ["My_Net", "", "1net", "a--b", "../evil", "class", "json", "petbench", "net-"])
def test_a_name_that_would_make_no_sound_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"choose another|use lower-case"):
        create(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my-net").mkdir()
    with pytest.raises(UsageError, match="exists"):
        create("my-net", tmp_path)
    assert not list((tmp_path / "my-net").iterdir())


def test_the_command_writes_the_package_and_says_what_comes_next(tmp_path: Path) -> None:
    root = PetbenchGroup("petbench", commands={"plugin": plugin})
    result = CliRunner().invoke(root, ["plugin", "new", "my-net", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "my-net" / "my_net" / "method.py").is_file()
    assert "petbench plugin check my-net" in result.output
