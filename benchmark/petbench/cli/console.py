"""What the verbs share on the terminal: tables and JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from petbench.plans.datasets import NamedDataset


def print_json(value: Any) -> None:
    """Print `value` for a script: keys keep their order, numbers their digits."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False, allow_nan=False))


def print_json_list(values: Iterable[Any]) -> None:
    """Print a list for a script as `print_json` would, each value as soon as there is one: the list may be long."""
    out = sys.stdout
    first = True
    for value in values:
        text = json.dumps(value, indent=2, default=str, ensure_ascii=False, allow_nan=False).replace("\n", "\n  ")
        out.write(("[\n  " if first else ",\n  ") + text)
        first = False
    out.write("[]\n" if first else "\n]\n")
    out.flush()


def standard_output() -> Console:
    """Return rich's console on standard output; wide when nobody watches, so that no cell is cut.

    It takes no markup: a preset called `[/a]` is a text like any other. Styles come with `rich.text.Text`.
    """
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=200)


def open_named(name: str, reconstruction: str = "", task: str = "") -> tuple[NamedDataset, bool]:
    """Open a dataset by name or folder, with progress, and say whether the name is a registered one."""
    from petbench.plans.datasets import find_dataset
    from petbench.terminal import progress_bar

    registry = session().registry
    with progress_bar() as progress:
        found = find_dataset(name, session().home, registry, progress, reconstruction=reconstruction, task=task)
        return found, name in registry.datasets()
