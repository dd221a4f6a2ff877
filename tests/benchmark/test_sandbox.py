"""What a method's process is handed, sees and may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from petbench.processes.sandbox import INSIDE, Limits, Sandbox, folder_bytes, inside, outermost
from petbench.runs.isolation import handed_on, method_sandbox
from petbench.settings import Settings


def test_the_process_is_handed_no_variable_that_leads_home_and_paths_that_hold_elsewhere() -> None:
    given = {
        "PETBENCH_HOME": "/h",
        "PETBENCH_DB": "x",
        "PWD": "/here",
        "PATH": "/bin",
        "PYTHONPATH": f"src{os.pathsep}/a",
    }
    found = handed_on(given)
    assert found == {"PATH": "/bin", "PYTHONPATH": f"{Path.cwd() / 'src'}{os.pathsep}/a"}
    assert not Settings.variables() & set(found)


@pytest.mark.parametrize("first", ["", None, "/usr/bin"])
def test_a_method_s_process_imports_from_where_petbench_was_started_only_if_petbench_does(
    first: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It works in another folder; shut in, it does not see where petbench was started."""
    here = str(Path.cwd())
    monkeypatch.setattr("sys.path", [here if first is None else first, *sys.path])
    expected = {"": [here, "/a"], None: [here, "/a"], "/usr/bin": ["/a"]}[first]
    for isolated in (False, True):
        sandbox = method_sandbox(
            "python", {"PYTHONPATH": "/a"}, isolated=isolated, home=tmp_path, hidden=(), visible=()
        )
        command, variables = sandbox.call(["-m", "thing"], tmp_path)
        assert command[-4:] == ["python", "-P", "-m", "thing"]
        assert variables["PYTHONPATH"].split(os.pathsep) == (["/a"] if isolated else expected)


def test_inside_there_is_no_secret_among_the_variables() -> None:
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "SSH_AUTH_SOCK": "x",
        "GITHUB_TOKEN": "x",
        "HTTPS_PROXY": "x",
        "HOME": "/u",
    }
    assert (
        inside({"OMP_NUM_THREADS": "1", "PATH": "/bin", **secrets}) == {"OMP_NUM_THREADS": "1", "PATH": "/bin"} | INSIDE
    )


def test_bubblewrap_is_asked_for_what_the_page_says(tmp_path: Path) -> None:
    packages, home = tmp_path / "packages", tmp_path / "packages" / "home"
    environment = home / "cache" / "environment"
    sandbox = Sandbox(
        "python",
        {},
        isolated=True,
        readable=(packages, environment, Path("/usr/lib")),
        hidden=(home,),
        limits=Limits(memory_bytes=10**9, disk_bytes=10**9),
        devices=(Path("/dev/nvidia0"),),
    )
    call, _ = sandbox.call(["-m", "thing"], tmp_path / "job")
    text = " ".join(call)
    for part in (
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop ALL",
        "--size 1000000000 --tmpfs /tmp",
    ):
        assert part in text
    assert "--share-net" not in text
    assert "--dev-bind-try /dev/nvidia0 /dev/nvidia0" in text
    order = [
        f"--ro-bind-try {packages} {packages}",
        f"--tmpfs {home}",  # what lies within visible packages stays hidden
        f"--ro-bind-try {environment} {environment}",
        f"--bind {tmp_path / 'job'} {tmp_path / 'job'}",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert [part for part in call if part == "--bind"] == ["--bind"]  # one folder can be written to
    assert call[-5:] == ["--", "python", "-P", "-m", "thing"]
    assert outermost([Path("/usr/lib"), packages / "a", packages]) == [packages]


def test_what_uses_more_than_it_may_is_ended_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(100_000))
    assert folder_bytes(tmp_path) >= 100_000
    greedy = Sandbox("python", {}, limits=Limits(memory_bytes=1, disk_bytes=10**12))
    writing = Sandbox("python", {}, limits=Limits(memory_bytes=10**15, disk_bytes=10))
    modest = Sandbox("python", {}, limits=Limits(memory_bytes=10**15, disk_bytes=10**12))
    free = Sandbox("python", {})
    found = [each.excess(os.getpid(), tmp_path) for each in (greedy, writing, modest, free)]
    assert [each and each["error_class"] for each in found] == ["MemoryLimit", "DiskLimit", None, None]
