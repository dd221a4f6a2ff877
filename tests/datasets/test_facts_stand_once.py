"""The windows and the half-life of fluorine-18 stand in one place of the source; everything else takes them there."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_datasets.images.windows import in_words, minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
HOMES = {
    "tasks/built_in.py", "images/decay.py",
    "petbench_leaderboard/records.py", "versions/revision_0040.py",  # the id of what every older run was asked
}  # fmt: skip
WINDOWS_SECONDS = DEFAULT_TASK.windows_seconds
SOURCES = [
    path
    for root in ("benchmark", "datasets", "leaderboard", "plugins", "docs/generator")
    for path in sorted((REPOSITORY / root).rglob("*.py"))
    if "/".join(path.parts[-2:]) not in HOMES
]
SECONDS = {HALF_LIFE_SECONDS["F18"], *itertools.chain(*WINDOWS_SECONDS.values())}
MINUTES = [minutes(window) for window in WINDOWS_SECONDS.values()]
WORDS = [in_words(window).removesuffix(" min") for window in WINDOWS_SECONDS.values()]


def restated(code: str) -> list[str]:
    """Return where a file writes one of the facts down again; docstrings may explain them."""
    tree = ast.parse(code)
    return [f"line {node.lineno}: {ast.unparse(node)[:60]}" for node in _suspects(tree)]


def _suspects(tree: ast.Module) -> Iterator[ast.expr]:
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value) if _is_a_fact(value) and id(node) not in documentation:
                yield node
            case ast.Tuple(values) | ast.List(values) | ast.Call(args=values) if _holds_a_window(values):
                yield node


def _is_a_fact(value: object) -> bool:
    if isinstance(value, str):
        return any(re.search(rf"\b{words}\b", value) for words in WORDS)
    return isinstance(value, float) and value in SECONDS


def _holds_a_window(values: list[ast.expr]) -> bool:
    numbers = [value.value for value in values if isinstance(value, ast.Constant)]
    return any(pair in MINUTES for pair in itertools.pairwise(numbers))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_other_file_states_the_windows_or_the_half_life(path: Path) -> None:
    assert restated(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code", ["T = 6586.2", "f(420.0)", "w = (7.0, 21.0)", "c.mean(42.0, 63.0)", "t = 'from 42-63 min on'"]
)
def test_a_restated_fact_is_found(code: str) -> None:
    assert restated(code)
