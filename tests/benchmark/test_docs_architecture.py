"""The pages that lead through the code name files and definitions that are there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from tests.benchmark.docs_reader import DOCS

from layer_pages import layer_reference, layers

REPOSITORY = Path(__file__).parents[2]
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
CONCEPTS = (DOCS / "concepts.md").read_text(encoding="utf-8")
PLACES = re.findall(r"^\| [^|]+ \| `([\w/.-]+)` \| (?:`(\w+)` )?\|$", ARCHITECTURE, flags=re.MULTILINE)
NOUNS = re.findall(r"^\| ([^|]+) \| [^|]+ \| `(petbench[\w.]+)` \|$", CONCEPTS, flags=re.MULTILINE)


def names_of(path: Path) -> set[str]:
    """Return every name that a file defines: functions, classes, constants, parameters and attributes."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def test_the_page_says_where_to_change_what() -> None:
    assert len(PLACES) > 40


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_a_file_to_change_is_there_and_defines_what_to_look_for(file: str, name: str) -> None:
    path = REPOSITORY / file
    assert path.is_file()
    assert not name or name in names_of(path)


def test_every_path_in_the_prose_is_there() -> None:
    prose = re.sub(r"^\|.*\|$", "", ARCHITECTURE, flags=re.MULTILINE)
    found = re.findall(r"`((?:cli|plans|runs|training)/\w+\.py)`", prose)
    assert len(found) > 8
    assert [path for path in found if not (REPOSITORY / "benchmark" / "petbench" / path).is_file()] == []


@pytest.mark.parametrize(("noun", "dotted"), NOUNS)
def test_a_concept_is_in_the_code_under_its_name(noun: str, dotted: str) -> None:
    module, _, name = dotted.rpartition(".")
    assert hasattr(importlib.import_module(module), name), noun


def test_every_concept_with_a_place_in_the_code_was_looked_up() -> None:
    assert len(NOUNS) == CONCEPTS.count("| `petbench")


def test_the_layers_on_the_page_are_all_of_the_harness() -> None:
    folder = REPOSITORY / "benchmark" / "petbench"
    found = {path.parent.name if path.name == "__init__.py" else path.stem for path in folder.glob("*/__init__.py")}
    found |= {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert {name for line in layers() for name in line} == found
    assert layer_reference().count("\n") == 1 + len(found)
