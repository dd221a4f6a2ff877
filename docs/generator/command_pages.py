"""The reference of the commands: the text of every `--help`, as the command prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from petbench.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 80


def commands() -> Iterator[tuple[str, click.Context]]:
    """Yield every command, groups before what they hold, as it is typed, with the context it runs in."""
    yield from _walk("petbench", click.Context(cli, info_name="petbench", **_settings(cli)))


def command_reference() -> str:
    """Return a section for each command: its name, and its help in a block."""
    sections = []
    for typed, context in commands():
        level = "##" if typed.count(" ") < 2 else "###"
        sections.append(f"{level} {typed}\n\n```text\n{context.get_help()}\n```\n")
    return "\n".join(sections)


def _walk(typed: str, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield typed, context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.commands[name]
            inner = click.Context(command, info_name=name, parent=context, **_settings(command))
            yield from _walk(f"{typed} {name}", inner)


def _settings(command: click.Command) -> dict[str, Any]:
    return {**command.context_settings, "terminal_width": WIDTH}
