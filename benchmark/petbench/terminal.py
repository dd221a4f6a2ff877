"""Progress bars on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console

    from petbench_datasets.progress import Progress

_LATE_SECONDS = 2.0


def say(text: str) -> None:
    """Print a line on standard error, if anybody can still read it: output never fails what it tells of."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a line on standard error that warns of something."""
    say(f"{click.style('warning:', fg='yellow')} {text}")


@contextlib.contextmanager
def that_may_fail(bar: AbstractContextManager[Progress]) -> Iterator[Progress]:
    """Yield the callback of a progress bar that stops drawing when nobody can read it any more."""
    with contextlib.ExitStack() as stack:
        shown: list[Progress] = []

        def show(description: str, done: float, total: float) -> None:
            for draw in tuple(shown):
                try:
                    draw(description, done, total)
                except (OSError, ValueError):  # a closed terminal, or a closed stream
                    shown.clear()

        with contextlib.suppress(OSError, ValueError):
            opened = bar.__enter__()
            shown.append(opened)
            stack.push(_suppressing(bar))
        yield show


def _suppressing(bar: AbstractContextManager[Progress]) -> Callable[..., None]:
    """Return what closes a bar, without a word where that cannot be drawn."""

    def close(*_: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            bar.__exit__(None, None, None)

    return close


def standard_error() -> Console:
    """Return rich's console on standard error, which draws on a terminal alone.

    Rich itself draws wherever `FORCE_COLOR` is set, as in every process that a notebook's kernel starts.
    """
    from rich.console import Console

    drawn = sys.stderr is not None and sys.stderr.isatty()
    return Console(stderr=True, highlight=False, force_terminal=drawn, force_jupyter=False)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a callback that draws one bar per description on standard error.

    Where standard error is no terminal, a line is printed when a piece of work ends.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = standard_error()
    with RichProgress(
        TextColumn("{task.description}", markup=False),
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
def late_progress_bar() -> Iterator[Progress]:
    """Yield a callback that draws as `progress_bar` does, but only once the work has taken two seconds."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        drawn: list[Progress] = []

        def show(description: str, done: float, total: float) -> None:
            if not drawn and time.monotonic() - began > _LATE_SECONDS:
                drawn.append(stack.enter_context(progress_bar()))
            for bar in drawn:
                bar(description, done, total)

        yield show


@contextlib.contextmanager
def training_bar() -> Iterator[Progress]:
    """Yield a callback that draws one bar, whose description says how the training goes.

    Where standard error is no terminal, a line is printed for every tenth of the work.
    """
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = standard_error()
    with RichProgress(
        TextColumn("{task.description}", markup=False),
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


@contextlib.contextmanager
def transfer_bar() -> Iterator[Progress]:
    """Yield a callback that draws one bar of bytes, with their speed and the time that is left.

    Where standard error is no terminal, a line is printed when its description changes.
    """
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as RichProgress

    console = standard_error()
    with RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task("download", total=None)
        said = ""

        def show(description: str, done: float, total: float) -> None:
            nonlocal said
            bars.update(task, description=description, completed=done, total=total)
            if not console.is_terminal and description != said:
                said = description
                click.echo(f"{description}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", err=True)

        yield show
