"""The house has one order of layers: no import goes round in a circle, and none climbs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.benchmark.import_graph import by_package, circles, import_graph, module_files

REPOSITORY = Path(__file__).parents[2]
ROOTS = [REPOSITORY / name for name in ("benchmark", "datasets", "leaderboard", "plugins")]
LINTER = Path(sys.executable).parent / "lint-imports"


def test_every_file_of_the_four_roots_is_read() -> None:
    files = module_files(ROOTS)
    assert {"petbench", "petbench.cli.run", "petbench_datasets.errors", "petbench_gan.pix2pix"} <= set(files)
    assert len(files) == sum(len(list(root.rglob("*.py"))) for root in ROOTS)


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(import_graph(ROOTS)) == []


def test_no_packages_import_each_other_in_a_circle() -> None:
    assert circles(by_package(import_graph(ROOTS))) == []


def test_an_import_inside_a_function_closes_a_circle_and_one_for_types_alone_does_not(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("def later():\n    import second\n")
    (tmp_path / "second.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import first\n")
    (tmp_path / "third.py").write_text("import second\n")
    assert circles(import_graph([tmp_path])) == []
    (tmp_path / "second.py").write_text("from first import later\n")
    assert circles(import_graph([tmp_path])) == [["first", "second"]]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(folder / root.name) for root in ROOTS)
    return subprocess.run(
        [LINTER, "--no-cache"], cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source, to break."""
    for name in ("benchmark", "datasets", "leaderboard", "plugins"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(REPOSITORY / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


FORBIDDEN = {
    "a run that prints": ("benchmark/petbench/runs/pipeline.py", "import petbench.cli.console"),
    "training that plans": ("benchmark/petbench/training/loop.py", "import petbench.plans.planner"),
    "a contract that trains": ("benchmark/petbench/contract.py", "import petbench.training.loop"),
    "datasets that know the harness": ("datasets/petbench_datasets/files.py", "import petbench.errors"),
    "a leaderboard that knows the harness": ("leaderboard/petbench_leaderboard/board.py", "import petbench.errors"),
    "a plugin behind the public face": ("plugins/petbench_gan/pix2pix.py", "import petbench.training.loop"),
    "a harness that knows a method": ("benchmark/petbench/runs/pipeline.py", "import petbench_gan.pix2pix"),
    "a plugin that knows another": ("plugins/petbench_gan/pix2pix.py", "import petbench_regression.networks"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("path", "line"), FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_a_forbidden_import_fails_make_lint(copy: Path, path: str, line: str) -> None:
    file = copy / path
    file.write_text(f"{file.read_text(encoding='utf-8')}\n\ndef _later() -> None:\n    {line}\n", encoding="utf-8")
    result = lint(copy)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


@pytest.mark.slow
def test_the_source_as_it_is_keeps_every_contract() -> None:
    result = lint(REPOSITORY)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout
