"""What is shipped: exactly the petbench packages, with all they need to run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {
    path.name
    for root in ("benchmark", "datasets", "leaderboard", "plugins")
    for path in (REPOSITORY / root).iterdir()
    if (path / "__init__.py").exists()
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as pip would, with the build backend that is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return folder / result.stdout.split()[-1]


def test_the_wheel_holds_exactly_the_petbench_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name.partition("/")[0]} == PACKAGES


def test_every_tracked_source_and_template_is_in_the_wheel(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    command = ["git", "ls-files", "benchmark", "datasets", "leaderboard", "plugins"]
    tracked = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    assert tracked
    assert {name.partition("/")[2] for name in tracked} <= shipped


def test_the_wheel_alone_lists_its_methods_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    roots = [str(REPOSITORY / root) for root in ("benchmark", "datasets", "leaderboard", "plugins")]
    code = (
        f"import sys; sys.path = [{str(wheel)!r}, *[path for path in sys.path if path not in {roots!r}]]\n"
        "import petbench, petbench.registry as registry\n"
        "print(petbench.__file__); print(sorted(registry.load_plugins().methods()))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(wheel) in result.stdout
    assert "'pix2pix'" in result.stdout
