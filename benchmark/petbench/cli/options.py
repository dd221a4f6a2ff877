"""Options that several commands have, and the shell's completion of names, which loads plugins only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from petbench.runs.options import RunOptions

ISOLATED = (
    "Shut the method's process in with bubblewrap: it sees packages, its own folder and the device, has no network, "
    "and its time, memory and disk are limited. Where that cannot be, the row says so."
)

reconstruction_option = click.option(
    "--reconstruction",
    default="",
    metavar="LABEL",
    help="Which image to take where one measurement was reconstructed several times: the label after rec-.",
)


def run_options(time_limit: float | None, *, isolated: bool) -> RunOptions:
    """Return how runs are made, and say so on standard error where what was asked for cannot be."""
    from petbench.processes.sandbox import why_not_isolated
    from petbench.runs.options import RunOptions
    from petbench.terminal import say

    why_not = why_not_isolated() if isolated else None
    if why_not is not None:
        say(f"{click.style('warning:', fg='yellow')} not isolated: {why_not}; the method can read what you can read")
    return RunOptions(time_limit_seconds=time_limit, isolated=isolated and why_not is None)


def complete_method(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the installed methods that begin with what was typed."""
    from petbench.registry import load_plugins

    return [name for name in sorted(load_plugins().methods()) if name.startswith(incomplete)]


def complete_dataset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the registered datasets that begin with what was typed."""
    from petbench.registry import load_plugins

    return [name for name in sorted(load_plugins().datasets()) if name.startswith(incomplete)]


def name_on_the_board(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's signature
    """Return a dataset's name on the leaderboard; a folder, as `run` takes it, goes by its own name."""
    if value is None or not (Path(value).name != value or Path(value).is_dir()):
        return value
    return Path(value).expanduser().absolute().name
