"""What SECURITY.md says of all code: nothing is unpickled, nothing is sent, and changed predictions are not scored."""

from __future__ import annotations

import ast
import os
import shutil
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import psutil
import pytest

from petbench.processes.sandbox import Limits, why_not_isolated
from petbench.runs.isolation import DEFAULT_SECONDS, method_sandbox
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import LONGEST_LINE_BYTES, import_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.command import Petbench

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path for folder in ("benchmark", "datasets", "leaderboard", "plugins") for path in (ROOT / folder).rglob("*.py")
]
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
SENDERS = {
    "aiohttp", "ftplib", "http.client", "httpx", "httpx2", "huggingface_hub", "idc_index", "imaplib", "requests",
    "smtplib", "telnetlib", "urllib.request", "urllib3", "webbrowser", "xmlrpc", "sentry_sdk",
}  # fmt: skip


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in SOURCES:
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _safe(call: ast.Call) -> bool:
    given = {word.arg: word.value for word in call.keywords}
    if ast.unparse(call.func) == "torch.load":
        value = given.get("weights_only")
        return isinstance(value, ast.Constant) and value.value is True
    value = given.get("allow_pickle")
    return value is None or (isinstance(value, ast.Constant) and value.value is False)


def test_no_file_is_unpickled_but_by_torchs_reader_of_tensors_alone() -> None:
    assert len(SOURCES) > 300
    loads = []
    for name, tree in _trees():
        assert not _imported(tree) & (UNPICKLERS - {"pickle"}), name
        assert not {module for module in _imported(tree) if module.startswith("pickle.")}, name
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                assert node.attr.endswith("Error"), f"{name}: {ast.unparse(node)}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load", "numpy.load"):
                assert _safe(node), f"{name}: {ast.unparse(node)}"
                loads.append(ast.unparse(node.func))
    assert set(loads) == {"torch.load", "np.load"}


@pytest.mark.parametrize(
    "code", ["torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)"]
)
def test_a_call_that_unpickles_would_be_noticed(code: str) -> None:
    (node,) = [each for each in ast.walk(ast.parse(code)) if isinstance(each, ast.Call)]
    assert not _safe(node)


def test_only_what_downloads_weights_or_a_cohort_can_speak_to_a_network() -> None:
    found = {name: sorted(_imported(tree) & SENDERS) for name, tree in _trees()}
    assert {name: modules for name, modules in found.items() if modules} == {
        "benchmark/petbench/evaluation/extractors/weights.py": ["urllib.request"],
        "datasets/petbench_cohorts/hub.py": ["huggingface_hub"],
    }
    programs = [
        name for name, tree in _trees() if any(getattr(node, "value", "") == "s5cmd" for node in ast.walk(tree))
    ]
    assert programs == ["datasets/petbench_cohorts/idc.py"]


@pytest.mark.slow
def test_a_prediction_that_was_changed_since_it_was_written_is_not_scored_again(
    petbench: Petbench, body_dataset: Path
) -> None:
    petbench("run", "-m", "scale", "-d", body_dataset)
    before = petbench.json("runs", "show", "1")
    (path,) = petbench.home.glob("runs/*/predictions/*.nii.gz")
    image: Any = nibabel.load(path)
    voxels = np.asarray(image.dataobj, dtype=np.float32) * np.float32(1.01)
    type(image)(voxels, image.affine, image.header).to_filename(path)
    said = petbench("score", "--runs", "all", code=1).stderr
    assert path.name.partition(".")[0] in said
    assert petbench.json("runs", "show", "1")["scores"] == before["scores"]


def test_a_line_of_a_file_of_runs_is_read_no_further_than_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    with path.open("wb") as file:
        file.truncate(16 * LONGEST_LINE_BYTES)  # holes, and no end of a line
    assert LONGEST_LINE_BYTES == 64 * 2**20
    tracemalloc.start()
    try:
        with Leaderboard.open("sqlite://") as board, pytest.raises(LeaderboardError, match="line 1, is broken"):
            import_runs(board, path)
        assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_what_is_shut_in_may_use_the_part_of_memory_disk_and_time_that_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limits(free: int) -> Limits | None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
        made = method_sandbox(sys.executable, {}, isolated=True, home=tmp_path, hidden=(), visible=())
        return made.limits

    memory = int(0.9 * psutil.virtual_memory().total)
    assert limits(10**10) == Limits(memory_bytes=memory, disk_bytes=5 * 10**9)
    assert limits(10**13) == Limits(memory_bytes=memory, disk_bytes=100 * 10**9)
    assert DEFAULT_SECONDS == 24 * 3600
    free = method_sandbox(sys.executable, {}, isolated=False, home=tmp_path, hidden=(), visible=())
    assert free.limits is None


@pytest.mark.slow
@pytest.mark.skipif(why_not_isolated() is not None, reason=f"nothing can be isolated here: {why_not_isolated()}")
def test_a_file_that_a_parameter_names_is_read_inside_and_what_lies_beside_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for folder in ("job", "home"):
        (tmp_path / folder).mkdir()
    for name in ("named", "beside"):
        (tmp_path / "files" / name).write_text(name)
    sandbox = method_sandbox(
        sys.executable,
        os.environ,
        isolated=True,
        home=tmp_path / "home",
        hidden=(),
        visible=(tmp_path / "files" / "named",),
    )
    code = (
        f"from pathlib import Path; folder = Path({str(tmp_path / 'files')!r}); print([each.name for each in "
        "folder.iterdir()], (folder / 'named').read_text())"
    )
    with (tmp_path / "output").open("wb") as output:
        process = sandbox.start(["-c", code], folder=tmp_path / "job", descriptors=(), output=output.fileno())
    process.wait()
    assert (tmp_path / "output").read_text() == "['named'] named\n"
