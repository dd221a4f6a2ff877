"""Methods that do what no method should: each ends as it deserves, and takes nothing and nobody with it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.benchmark.hostile_plugin import variables

from petbench.errors import PluginError
from petbench.methods.code_files import Unit
from petbench.processes.ending import ending_of
from petbench.processes.sandbox import why_not_isolated
from petbench.runs.isolation import method_sandbox
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.messages import Task
from petbench.runs.method_process.parent import MethodFailedError, MethodProcess
from petbench.scan import Scan
from petbench.training.volumes import StoredData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


pytestmark = pytest.mark.slow

SHAPE = (3, 4, 5)


@dataclass
class Seen:
    """What came of a method: its predictions, or its ending."""

    ending: Any = None
    predicted: list[np.ndarray[Any, Any]] = field(default_factory=list)
    images_seen: int = 0


def run(folder: Path, code: Mapping[str, str], *, isolated: bool = False, home: Path | None = None) -> Seen:
    """Train and predict with the hostile method as a run does, and return what came of it."""
    path = os.pathsep.join([variables(folder / "site", code)["PYTHONPATH"], os.environ.get("PYTHONPATH", "")])
    job = JobFolder(folder / "job")
    job.prepare(folder / "training")
    sandbox = method_sandbox(
        sys.executable,
        os.environ | {"PYTHONPATH": path, "PETBENCH_HOME": "/secret"},
        isolated=isolated,
        home=home or folder / "home",
        hidden=(),
        visible=(),
    )
    code_files = Unit("hostile", (folder / "site" / "hostile.py",)).hashes()
    task = Task(
        method="hostile", parameters={}, parameter_files={}, distribution="hostile", version="1.0",
        source_hash=Unit.digest(code_files), source_files=dict(code_files),
        supervision="paired", seed=0, images=0, seconds=None, device="cpu",
        precision="fp32", compile="off",
        cuda_graphs="off", deterministic=False, folder=str(job.path), environments=str(folder / "venvs"),
        views=1, trained=False, largest_file_bytes=None,
    )  # fmt: skip
    stored = StoredData.new(folder)
    stored.scans.append(Scan(np.ones(SHAPE, dtype=np.float32)))
    stored.delayed.append(np.ones(SHAPE, dtype=np.float32))
    seen = Seen()
    with MethodProcess(task, job, sandbox, lambda: False) as process:
        try:
            process.ready()
            process.built()
            trained = process.fit(stored, StoredData.new(folder))
            seen.images_seen = trained.images_seen
            if trained.failed:
                process.failed()
            process.saved()
            scans = [("sub-01", Scan(np.full(SHAPE, 2, dtype=np.float32)))]
            seen.predicted = [predicted.volume for predicted in process.predict(scans)]
            process.end()
        except MethodFailedError as error:
            seen.ending = error.ending
        except PluginError as error:
            seen.ending = ending_of(error, "petbench")
    job.give_back(folder / "training")
    assert process._process.poll() is not None
    return seen


ENDINGS = {
    "an exception that cannot be printed": ({"fit": "raise Mute()"}, "failed", "method", "Mute"),
    "colours and NUL in an exception": (
        {"fit": r'raise ValueError("\x1b[31mred\x00 \ud800 \u202e")'},
        "failed",
        "method",
        "ValueError: red\ufffd \ufffd \ufffd",
    ),
    "2**70 images": ({"fit": "run.set_images_seen(2**70)"}, "failed", "method", "is no number of images"),
    "half an image": ({"fit": "run.advance(0.5, dict)"}, "failed", "method", "is no number of images"),
    "complex output": ({"predict": "predicted = scan.early + 1j"}, "failed", "method", "is of type complex64"),
    "objects as output": (
        {"predict": "predicted = scan.early.astype(object)"},
        "failed",
        "method",
        "is of type object",
    ),
    "another shape": ({"predict": "predicted = scan.early[:1]"}, "failed", "method", "(1, 4, 5) voxels, not (3, 4, 5)"),
    "an object as state": (
        {"state": 'return {"forest": Mute()}'},
        "failed",
        "method",
        "it holds hostile.Mute; a state",
    ),
    "a pickle as state": (
        {"state": 'import pickle; return {"forest": pickle.dumps([1])}'},
        "failed",
        "method",
        "state_dict()['forest'] is bytes",
    ),
    "a function as state": ({"state": 'return {"f": lambda: 1}'}, "failed", "method", "cannot be saved"),
    "a state that nothing can be made of": (
        {"load": 'raise KeyError("trees")'},
        "failed",
        "method",
        "a fresh hostile cannot take back what state_dict() gave",
    ),
    "a full disk": (
        {"fit": 'raise OSError(28, "No space left on device", "checkpoint")'},
        "interrupted",
        "machine",
        "No space left on device",
    ),
    "a process that goes without a word": ({"fit": "os._exit(0)"}, "failed", "method", "code 0 before it was done"),
    "a connection that is cut": ({"fit": "os.closerange(3, 9999); time.sleep(60)"}, "failed", "method", "its log says"),
    "a thread that never ends": ({"fit": "threading.Thread(target=time.sleep, args=(600,)).start()"}, None, None, ""),
    "a hook that never ends": ({"fit": "atexit.register(time.sleep, 600)"}, None, None, ""),
    "much on standard output": ({"fit": r'print("x" * 10**6); print("\x00\n{}" * 1000)'}, None, None, ""),
    "its own streams closed": ({"fit": "sys.stdout.close(); os.close(1); os.close(2)"}, None, None, ""),
}


@pytest.mark.parametrize(("code", "status", "fault", "message"), ENDINGS.values(), ids=list(ENDINGS))
def test_each_ends_as_it_deserves(
    tmp_path: Path, code: dict[str, str], status: str | None, fault: str | None, message: str
) -> None:
    seen = run(tmp_path, code)
    if status is None:
        assert seen.ending is None
        assert [float(volume.mean()) for volume in seen.predicted] == [2.0]
        return
    assert (seen.ending["status"], seen.ending["fault"]) == (status, fault)
    assert message in seen.ending["error_message"]
    assert seen.ending["error_message"].isprintable()


FOUND = """
variables = {name: text for name, text in os.environ.items()}
above = [str(path) for folder in Path.cwd().parents for path in folder.glob("*") if path.name in ("plan.json", "runs")]
Path("training/found.json").write_text(json.dumps({
    "variables": [name for name in variables if name.startswith("PETBENCH_") or name in ("PWD", "OLDPWD")],
    "cwd": os.getcwd(), "above": above,
    "modules": [name for name in sys.modules if "petbench_leaderboard.store" in name or "sqlalchemy" in name],
}))
"""


def test_the_process_has_no_leaderboard_no_variable_and_no_folder_above_that_leads_to_one(tmp_path: Path) -> None:
    assert run(tmp_path, {"fit": FOUND}).ending is None
    found = json.loads((tmp_path / "training" / "found.json").read_text(encoding="utf-8"))
    assert found == {"variables": [], "cwd": str(tmp_path / "job"), "above": [], "modules": []}


LINKS = """
os.symlink("/etc/passwd", "training/log.jsonl")
os.mkfifo("training/pipe")
os.makedirs("training/kept")
Path("training/kept/a").write_text("a")
"""


def test_links_and_pipes_that_a_method_leaves_do_not_reach_the_run_s_folder(tmp_path: Path) -> None:
    assert run(tmp_path, {"fit": LINKS}).ending is None
    assert [path.name for path in sorted((tmp_path / "training").rglob("*"))] == ["kept", "a"]
    assert not (tmp_path / "job").exists()


LOOK = """
import socket
def refused(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"
Path("training/seen.json").write_text(json.dumps({
    "secret": refused(lambda: Path(SECRET).read_text()),
    "elsewhere": refused(lambda: Path(ELSEWHERE).write_text("here")),
    "packages": refused(lambda: Path(np.__file__).write_text("")),
    "network": refused(lambda: socket.create_connection(("127.0.0.1", PORT), 1)),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "variables": sorted(name for name in os.environ if name.endswith(("TOKEN", "_HOME"))),
}))
"""


@pytest.mark.skipif(why_not_isolated() is not None, reason=f"nothing can be isolated here: {why_not_isolated()}")
def test_an_isolated_method_sees_packages_and_its_own_folder_and_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    home = tmp_path / "home"
    home.mkdir()
    (home / "leaderboard.db").write_text("secret", encoding="utf-8")
    monkeypatch.setenv("SERVICE_TOKEN", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        look = LOOK.replace("SECRET", repr(str(home / "leaderboard.db")))
        look = look.replace("ELSEWHERE", repr(str(tmp_path / "elsewhere"))).replace(
            "PORT", str(server.getsockname()[1])
        )
        seen = run(tmp_path, {"fit": look}, isolated=True, home=home)
    assert seen.ending is None
    assert [float(volume.mean()) for volume in seen.predicted] == [2.0]
    found = json.loads((tmp_path / "training" / "seen.json").read_text(encoding="utf-8"))
    assert found.pop("secret") == "FileNotFoundError"
    assert found.pop("packages") == "OSError"  # read-only
    assert found.pop("network") in ("ConnectionRefusedError", "OSError")
    assert found.pop("processes") < 6
    assert found == {"elsewhere": found["elsewhere"], "variables": []}
    assert not (tmp_path / "elsewhere").exists()
