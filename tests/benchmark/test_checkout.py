from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from petbench.provenance.checkout import Checkout, describe, find_checkouts, read_diff

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *who, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a committed package that can be imported, in a checkout that holds other things too."""
    package = tmp_path / "project" / "checkout_of_somebody"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("FACTOR = 1\n")
    (package.parent / "notes.txt").write_text("private\n")
    _git(package.parent, "init", "-q")
    _git(package.parent, "add", ".")
    _git(package.parent, "commit", "-q", "-m", "first")
    monkeypatch.syspath_prepend(str(package.parent))
    return package


def _of_plugin(name: str = "checkout_of_somebody") -> list[Checkout]:
    return [checkout for checkout in find_checkouts(name) if not checkout.own]


def test_a_clean_plugin_is_described_by_its_commit_and_has_no_diff(plugin: Path) -> None:
    found = _of_plugin()
    assert describe(found) == {"plugin": {"commit": _git(plugin, "rev-parse", "HEAD"), "modified_files": []}}
    assert read_diff(found) == ""


def test_what_was_changed_in_the_package_is_kept_and_nothing_beside_it(plugin: Path) -> None:
    (plugin / "__init__.py").write_text("FACTOR = 2\n")
    (plugin / "new.py").write_text("SECRET = 1\n")
    (plugin.parent / "notes.txt").write_text("more private\n")
    found = _of_plugin()
    changed = describe(found)["plugin"]["modified_files"]
    assert changed == ["checkout_of_somebody/__init__.py", "checkout_of_somebody/new.py"]
    diff = read_diff(found)
    assert "-FACTOR = 1\n+FACTOR = 2\n" in diff
    assert "private" not in diff
    _git(plugin, "add", ".")
    assert "+SECRET = 1" in read_diff(found)


def test_a_long_diff_is_cut_and_says_so(plugin: Path) -> None:
    (plugin / "__init__.py").write_text("FACTOR = 2\n" * 20_000)
    diff = read_diff(_of_plugin(), most_bytes=1_000)
    assert len(diff) < 1_100
    assert diff.endswith("… the diff is longer than 1,000 bytes\n")


def test_what_lies_in_a_checkout_without_being_kept_there_has_no_commit(plugin: Path) -> None:
    installed = plugin.parent / "site-packages" / "installed_by_somebody.py"
    installed.parent.mkdir()
    installed.write_text("FACTOR = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(installed.parent))
        assert _of_plugin("installed_by_somebody") == []


def test_without_git_or_the_module_nothing_is_known(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _of_plugin("no_such_module_anywhere") == []
    monkeypatch.setenv("PATH", str(plugin))
    found = find_checkouts("checkout_of_somebody")
    assert (found, describe(found), read_diff(found)) == ([], {}, "")


def test_a_program_that_the_checkout_names_is_not_started(plugin: Path) -> None:
    marker = plugin.parent / "started"
    _git(plugin, "config", "core.fsmonitor", f"touch {marker}")
    _git(plugin, "config", "diff.external", f"touch {marker}")
    (plugin / "__init__.py").write_text("FACTOR = 2\n")
    assert "+FACTOR = 2" in read_diff(_of_plugin())
    assert describe(_of_plugin())
    assert not marker.exists()
