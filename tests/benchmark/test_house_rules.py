"""The rules of the house that a reader cannot see and a reviewer forgets."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import petbench

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
ROOTS = {"petbench": "benchmark", "petbench_datasets": "datasets", "petbench_leaderboard": "leaderboard"}
PLUGINS = sorted(path for path in (REPOSITORY / "plugins").glob("petbench_*") if (path / "__init__.py").exists())
HEAVY = ("torch", "nibabel", "sqlalchemy.orm", "matplotlib", "scipy", "pydantic")


def imports_of(package: Path) -> Iterator[tuple[Path, str]]:
    """Yield every module that a package's files import, wherever in the file the import stands."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield path, node.module


def top(module: str) -> str:
    return module.partition(".")[0]


def test_datasets_import_nothing_of_the_harness_or_the_leaderboard() -> None:
    found = {(path.name, name) for path, name in imports_of(REPOSITORY / "datasets" / "petbench_datasets")}
    assert not {item for item in found if top(item[1]) in {"petbench", "petbench_leaderboard"}}


def test_the_leaderboard_imports_nothing_of_the_harness() -> None:
    found = {(path.name, name) for path, name in imports_of(REPOSITORY / "leaderboard" / "petbench_leaderboard")}
    assert not {item for item in found if top(item[1]) == "petbench"}


@pytest.mark.parametrize("package", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_only_the_public_face_of_petbench(package: Path) -> None:
    others = {plugin.name for plugin in PLUGINS} - {package.name}
    for path, name in imports_of(package):
        assert not name.startswith("petbench."), f"{path} imports {name}; import it from petbench"
        assert top(name) not in others | {"petbench_datasets", "petbench_leaderboard"}, f"{path} imports {name}"


def test_nobody_imports_a_plugin_of_methods_or_of_datasets() -> None:
    methods = {plugin.name for plugin in PLUGINS} | {"petbench_phantom"}
    for package, root in ROOTS.items():
        for path, name in imports_of(REPOSITORY / root / package):
            assert top(name) not in methods, f"{path} imports {name}"


@pytest.mark.parametrize("root", [*ROOTS.values(), "plugins", "tests"])
def test_no_source_root_is_a_package(root: str) -> None:
    assert not (REPOSITORY / root / "__init__.py").exists()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["methods", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom petbench.cli.main import cli\n"
        f"try:\n    cli({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert "Usage" in result.stdout


@pytest.mark.slow
def test_listing_the_methods_imports_no_torch() -> None:
    code = "import sys\nfrom petbench.registry import load_plugins\nload_plugins()\nprint('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_every_public_name_can_be_imported_and_no_other_is_public() -> None:
    assert set(petbench.__all__) | {"__version__"} == set(dir(petbench))
    for name in petbench.__all__:
        assert getattr(petbench, name) is not None


def test_ignore_patterns_are_anchored() -> None:
    lines = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()
    assert [line for line in lines if not line.startswith("/")] == ["__pycache__/", "*.egg-info/"]
