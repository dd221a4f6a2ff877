"""What the verbs share on the terminal: tables, progress bars, JSON."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from petbench.runs.cohorts import NamedCohort
    from petbench_datasets.progress import Progress


def print_json(value: Any) -> None:
    """Print `value` for a script: keys keep their order, numbers their digits."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False, allow_nan=False))


def standard_output() -> Console:
    """Return rich's console on standard output; wide when nobody watches, so that no cell is cut."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a callback that draws one bar per description on standard error.

    Where standard error is no terminal, a line is printed when a piece of work ends.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True, highlight=False)
    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        tasks: dict[str, Any] = {}
        finished: set[str] = set()

        def show(description: str, done: float, total: float) -> None:
            if description not in tasks:
                tasks[description] = bars.add_task(description, total=total)
            bars.update(tasks[description], completed=done, total=total)
            if not console.is_terminal and done >= total and description not in finished:
                finished.add(description)
                click.echo(f"{description}: done", err=True)

        yield show


@contextlib.contextmanager
def training_bar() -> Iterator[Progress]:
    """Yield a callback that draws one bar, whose description says how the training goes.

    Where standard error is no terminal, a line is printed for every tenth of the work.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True, highlight=False)
    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task("train", total=None)
        tenths = -1

        def show(description: str, done: float, total: float) -> None:
            nonlocal tenths
            bars.update(task, description=description, completed=done, total=total)
            if not console.is_terminal and int(10 * done / total) > tenths:
                tenths = int(10 * done / total)
                click.echo(f"{10 * tenths:3d} % {description}", err=True)

        yield show


def open_named(name: str) -> tuple[NamedCohort, bool]:
    """Open a cohort by name or folder, with progress, and say whether the name is a registered one."""
    from petbench.home import Home
    from petbench.registry import load_plugins
    from petbench.runs.cohorts import find_cohort

    registry = load_plugins()
    with progress_bar() as progress:
        return find_cohort(name, Home.find(), registry, progress), name in registry.datasets()
