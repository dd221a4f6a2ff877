"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from tests.benchmark.installed import install_module

import petbench
from petbench.cli.main import cli

if TYPE_CHECKING:
    from tests.command import Petbench

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_plugin_can_be_installed_and_run(petbench: Petbench, body_dataset: Path, tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    visible = install_module(tmp_path / "site", "small", source)
    command = ("run", "-m", "small", "-d", body_dataset, "--budget", "images=64")
    result = petbench(*command, variables=visible)
    assert "small" in result.stdout


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    lines = [line for block in blocks for line in re.findall(r"petbench ([a-z].*)", block)]
    assert lines
    for line in lines:
        words = shlex.split(line.partition("#")[0].replace("[", "").replace("]", ""))
        command: click.Command = cli
        while isinstance(command, click.Group) and words:
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, line


def test_every_verb_is_in_the_readme_and_has_help_worth_reading() -> None:
    for name, command in cli.commands.items():
        assert f"petbench {name}" in README or f", `{name}`" in README, name
        assert command.help
        assert len(command.help) > 30, name


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert len(links) > 10
    root = Path(__file__).parents[2]
    assert [link for link in links if not (root / link).is_file()] == []


def test_the_citation_file_has_what_a_citation_needs_and_the_version_of_the_package() -> None:
    citation = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == petbench.__version__
    assert all("name" in author or "family-names" in author for author in citation["authors"])
    assert f"## [{petbench.__version__}]" in (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
