"""The example notebook runs as it stands there, in a kernel; and an interrupt ends a run with a checkpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat as untyped_nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

import petbench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

nbformat: Any = untyped_nbformat

pytestmark = pytest.mark.slow

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook" / "petbench.ipynb"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home that kernels work in; their own files lie beside it."""
    variables = {
        "PETBENCH_HOME": tmp_path / "home", "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        "IPYTHONDIR": tmp_path / "ipython", "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
        "JUPYTER_PLATFORM_DIRS": "1",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path / "home"


def environment() -> dict[str, str]:
    """Return what kernels are given: one that knows of pytest passes on nothing that its processes print."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def shown(notebook: Any, mime: str) -> list[str]:
    """Return what the cells of a notebook show in one form, in their order."""
    return [
        output["data"][mime]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if mime in output.get("data", {})
    ]


def test_the_example_notebook_runs_and_shows_what_it_promises(home: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute(env=environment())
    with petbench.Session(home=home, offline=True) as session:
        methods = [run.method for run in petbench.find_runs(session=session)]
        assert methods == ["one-convolution", "pix2pix", "identity"]
        ranking = petbench.leaderboard(session=session)
    tables, pictures = shown(notebook, "text/html"), shown(notebook, "image/png")
    assert len(pictures) == 3
    assert ranking._repr_html_() in tables
    assert any("fdg-phantom-mini: split holdout, fold 0" in table for table in tables)
    assert any("mean over sub-05" in table for table in tables)  # who validates
    assert not any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", ()))
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "100 % train" in printed  # a run's own process is heard in its cell
    assert "\x1b[" not in printed


@pytest.fixture
def kernel(home: Path, tmp_path: Path) -> Iterator[KernelManager]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path), env=environment())
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def execute(kernel: KernelManager, code: str, printed: Callable[[str], object]) -> Mapping[str, Any]:
    """Run a cell, hand on what it prints, and return how it ended."""
    client = kernel.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)

        def note(message: Mapping[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed(message["content"]["text"])

        reply = client.execute_interactive(code, output_hook=note, timeout=240, allow_stdin=False)
        content: Mapping[str, Any] = reply["content"]
        return content
    finally:
        client.stop_channels()


def test_an_interrupted_kernel_leaves_a_checkpoint_from_which_the_same_call_resumes(
    kernel: KernelManager, home: Path, body_dataset: Path
) -> None:
    code = (
        "import petbench\nfor seed in (0, 1):\n"
        f"    run = petbench.run('pix2pix', dataset={os.fspath(body_dataset)!r}, seed=seed,"
        " budget='images=2400', settings={'width': 4})"
    )
    said: list[str] = []

    def interrupt_when_it_trains(text: str) -> None:
        if " 10 %" in "".join(said) + text and " 10 %" not in "".join(said):
            kernel.interrupt_kernel()
        said.append(text)

    reply = execute(kernel, code, interrupt_when_it_trains)
    assert "\x1b[" not in "".join(said)  # lines, where nobody can draw a bar
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt"), "".join(said)
    assert reply["evalue"] == "run 1 is interrupted; the same call resumes it"
    with petbench.Session(home=home, offline=True) as session:
        (run,) = petbench.find_runs(session=session)  # the second seed was not begun
        assert run.status == "interrupted"
        assert run.row.images_seen is not None
        assert 0 < run.row.images_seen < 2400
        assert list(run.folder.glob("training/checkpoints/*"))
        resumed = petbench.resume_run(1, session=session)
        assert (resumed.status, resumed.row.images_seen) == ("ok", 2400)
