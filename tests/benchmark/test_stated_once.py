"""Names of files in a run's folder, and of petbench's own variables, stand in one place each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RUN_FILES = {
    "run.log",
    "plan.json",
    "model.pt",
    "grid.json",
    "worker.lock",
    "log.jsonl",
    "engine-job.json",
    "order.json",
    "row.jsonl",
    "tries.jsonl",
    "node.log",
}
ARCHIVE = {"limits.py", "verify.py"}
"""What a submission holds is named by its own format, whatever a run's folder looks like."""


def sources(*roots: str) -> list[Path]:
    return [path for root in roots for path in sorted((REPOSITORY / root).rglob("*.py"))]


def texts(path: Path) -> set[str]:
    """Return every text of a file that is one whole value."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("name", sorted(RUN_FILES))
def test_one_file_names_a_file_of_a_runs_folder(name: str) -> None:
    naming = [
        path.name
        for path in sources("benchmark", "leaderboard")
        if name in texts(path) and not (path.parent.name == "submissions" and path.name in ARCHIVE)
    ]
    assert naming == ["training_log.py" if name == "log.jsonl" else "folder.py"]


def environment_reads(code: str) -> list[str]:
    """Return the calls and subscripts of a file that read one of petbench's variables from the environment."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call | ast.Subscript):
            read = ast.unparse(node.func if isinstance(node, ast.Call) else node.value)
            if {"environ", "getenv"} & set(read.split(".")) and "PETBENCH_" in ast.unparse(node):
                found.append(ast.unparse(node))
    return found


def test_settings_alone_read_petbenchs_variables() -> None:
    for path in sources("benchmark", "datasets", "leaderboard", "plugins"):
        assert environment_reads(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "code", ["os.environ['PETBENCH_DB']", "os.environ.get('PETBENCH_DB', '')", "os.getenv('PETBENCH_DB')"]
)
def test_a_variable_that_is_read_elsewhere_is_found(code: str) -> None:
    assert environment_reads(code)
