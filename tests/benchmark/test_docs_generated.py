"""The parts of the documentation that are made from the code: nothing of the code is missing there."""

from __future__ import annotations

import dataclasses
import inspect
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from pydantic import BaseModel
from tests.benchmark.docs_reader import DOCS, blocks_of

import petbench
from command_pages import command_reference
from contract_pages import CLASSES, check_list, class_reference, hook_reference, job_reference
from filled import for_the_repository, for_the_site
from petbench import hookspecs
from petbench.cli.main import cli
from petbench.contract import MethodSpec
from petbench.registry import load_plugins
from petbench.testing.catalogue import NAMES
from protocol_pages import metric_reference
from python_pages import OBJECTS, function_reference, functions, object_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = (DOCS / "plugin-contract.md").read_text(encoding="utf-8")
MARKER = re.compile(r"^<!-- petbench: .*-->$", flags=re.MULTILINE)


def every_command(typed: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield typed, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from every_command(f"{typed} {name}", inner)


def test_every_command_is_in_the_reference_with_all_its_options() -> None:
    sections = dict(
        re.findall(r"^##+ (petbench.*?)\n\n```text\n(.*?)^```", command_reference(), re.MULTILINE | re.DOTALL)
    )
    found = dict(every_command("petbench", cli))
    assert set(sections) == set(found)
    for typed, command in found.items():
        assert sections[typed].startswith(f"Usage: {typed} ")
        for option in [option for parameter in command.params for option in parameter.opts if option.startswith("--")]:
            assert option in sections[typed], f"{typed} {option}"


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_command_on_a_page_exists_with_its_options(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    typed = "\n".join(block.body for block in blocks_of(page) if block.language in {"console", "sh"})
    shown = re.findall(r"^(?:\$ )?petbench (.+)$", typed, flags=re.MULTILINE) + re.findall(r"`petbench ([^`]+)`", text)
    for line in shown:
        command: click.Command = cli
        words = re.sub(r'"[^"]*"', "TEXT", line.partition("#")[0]).split()
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        options = {word for word in words if word.startswith("-")}
        assert command is not cli or options, f"petbench {line}"
        known = {option for parameter in command.params for option in parameter.opts}
        assert options <= known | {"--help"}, f"petbench {line}"


def test_every_variable_that_a_command_reads_is_on_the_page_of_commands() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    sources = (DOCS.parent / "benchmark").rglob("*.py")
    texts = [path.read_text(encoding="utf-8") for path in sources]
    read = {name for text in texts for name in re.findall(r"\bPETBENCH_[A-Z0-9_]+\b", text)}
    assert "PETBENCH_HOME" in read
    read -= {"PETBENCH_INHERITED_PATH"}  # set by petbench for its own processes
    assert {name for name in read if f"`{name}" not in page} == set()


def test_the_folder_of_a_program_is_shown_as_the_package_draws_it() -> None:
    text = job_reference()
    assert "JOB/\n├── job.json" in text
    assert "`protocol`" not in text  # a module's name, which only means something beside the code


def test_every_hook_is_in_the_contract() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("petbench_")}
    assert set(re.findall(r"`(petbench_\w+)\(", hook_reference())) == hooks
    assert "<!-- petbench: hooks -->" in CONTRACT


@pytest.mark.parametrize("dotted", CLASSES)
def test_every_field_is_in_the_contract_with_its_meaning(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")
    owner = getattr(__import__(module, fromlist=[name]), name)
    assert f"### {name}\n\n<!-- petbench: fields {dotted} -->" in CONTRACT
    table = class_reference(dotted)
    fields = owner.model_fields if issubclass(owner, BaseModel) else getattr(owner, "__annotations__", {})
    if dataclasses.is_dataclass(owner):
        fields = [field.name for field in dataclasses.fields(owner)]  # those that it inherits, too
    verbs = [name for name, value in vars(owner).items() if callable(value) and not name.startswith("_")]
    rows = dict(re.findall(r"^\| `(\w+).*?` \|.*\| (.+?) \|$", table, flags=re.MULTILINE))
    assert set(rows) >= {*fields, *(verb for verb in verbs if verb not in vars(BaseModel))}
    assert all(len(meaning) > 5 for meaning in rows.values())


def test_everything_public_that_has_fields_is_in_the_contract() -> None:
    public = {getattr(petbench, name) for name in petbench.__all__ if isinstance(getattr(petbench, name), type)}
    shown = {dotted.rpartition(".")[2] for dotted in CLASSES}
    assert {owner.__name__ for owner in public} - shown == {
        "PetbenchError",
        "EngineUnreachableError",
        "RunEndedError",
        "Session",
    }


def test_every_function_of_a_notebook_is_on_its_page_with_its_arguments() -> None:
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    assert set(functions()) > {"Session", "open_dataset", "run", "score", "leaderboard"}
    for name in functions():
        if name == "RunEndedError":
            assert f"petbench.{name}" in page
            continue
        assert f"<!-- petbench: function {name} -->" in page
        rows = re.findall(r"^\| `(\w+)` \| .* \| .{6,} \|$", function_reference(name), flags=re.MULTILINE)
        assert rows == list(inspect.signature(getattr(petbench, name)).parameters), name


def test_every_object_of_a_notebook_is_listed_with_its_members() -> None:
    assert "<!-- petbench: objects -->" in (DOCS / "python.md").read_text(encoding="utf-8")
    said = object_reference()
    for dotted in OBJECTS:
        assert f"### {dotted.rpartition('.')[2]}\n" in said
    for member in (
        "`pairs(part=None)`",
        "`spacing_millimetres`",
        "`scores`",
        "`mean(metric, region=None)`",
        "`to_polars()`",
    ):
        assert f"| {member} |" in said, member


def test_a_field_without_a_meaning_keeps_the_documentation_from_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dataclasses.is_dataclass(MethodSpec)
    monkeypatch.setattr(MethodSpec, "__doc__", "One method.\n\nAttributes:\n    name: a slug.\n")
    with pytest.raises(ValueError, match="summary is not described"):
        class_reference("petbench.contract.MethodSpec")


def test_every_check_is_listed() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", check_list(), flags=re.MULTILINE) == list(NAMES)


def test_every_metric_has_its_convention_formula_source_and_limits() -> None:
    page = metric_reference()
    for spec in load_plugins().metrics():
        (section,) = re.findall(rf"^### {spec.name}\n(.*?)(?=^### |\Z)", page, flags=re.MULTILINE | re.DOTALL)
        assert f"`{spec.convention_id}`" in section
        assert spec.source in section
        for part in ("| Formula |", "| Source |", "| Cannot see |", "| Unit |"):
            assert part in section, f"{spec.name}: {part}"


def test_a_marker_that_nothing_answers_is_an_error() -> None:
    hooks = pytest.importorskip("hooks")
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    known = set(MARKER.findall(pages)) - {"<!-- petbench: end -->"}
    assert len(known) >= 5 + len(CLASSES)
    page = SimpleNamespace(file=SimpleNamespace(src_path="page.md"))
    for marker in known:
        assert len(hooks.on_page_markdown(marker, page=page, config=None, files=None)) > 100
    with pytest.raises(hooks.PluginError, match=r"page\.md: nothing generates"):
        hooks.on_page_markdown("<!-- petbench: nonsense -->", page=page, config=None, files=None)


def test_the_generated_parts_of_a_page_say_where_the_page_lies_what_the_code_says_today() -> None:
    stale = []
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- petbench: end -->") in {0, len(MARKER.findall(text)) / 2}, page.name
        if for_the_repository(text) != text:
            stale.append(page.name)
    assert stale == [], "make pages writes them"


def test_a_generated_part_is_written_once_and_its_neighbours_stay() -> None:
    page = (
        "before\n\n<!-- petbench: checks -->\nold\n\n| a |\n<!-- petbench: end -->\nafter\n\n<!-- petbench: hooks -->\n"
    )
    written = for_the_repository(page)
    assert written.startswith("before\n\n<!-- petbench: checks -->\n\n| check |")
    assert written.endswith("<!-- petbench: end -->\nafter\n\n<!-- petbench: hooks -->\n")  # has no end: for the site
    assert "old" not in written
    assert for_the_repository(written) == written
    site = for_the_site(written)
    assert site.count("| check |") == 1
    assert site.count("| hook |") == 1
    assert "<!--" not in site


def test_a_bar_within_code_is_no_border_of_a_table_where_the_page_lies() -> None:
    page = "<!-- petbench: fields petbench.contract.Budget -->\n<!-- petbench: end -->\n"
    assert r"`int \| None`" in for_the_repository(page)
    assert "`int | None`" in for_the_site(page)
