"""Options that several commands have, and the shell's completion of names, which loads plugins only when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from petbench_datasets.exporters.resample import Target

ISOLATED = (
    "Shut the method's process in with bubblewrap: it sees packages, its own folder and the device, has no network, "
    "and its time, memory and disk are limited. Where that cannot be, the row says so."
)

SETTINGS = (
    "Set one parameter; may be repeated. Several values, as in learning_rate=0.001,0.003, are a run each, and of "
    "several settings every combination runs. A text that the parameter takes with its commas is one value."
)

reconstruction_option = click.option(
    "--reconstruction",
    default="",
    metavar="LABEL",
    help="Which image to take where one measurement was reconstructed several times: the label after rec-.",
)


def complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the tasks that begin with what was typed."""
    from petbench.registry import load_plugins

    return [name for name in load_plugins().tasks() if name.startswith(incomplete)]


task_option = click.option(
    "--task",
    default="",
    metavar="NAME|FILE",
    shell_complete=complete_task,
    help="The task: its name, see `petbench tasks`, or a TOML file that defines one. Default: that of the dataset's "
    "task.toml, else the first of `petbench tasks`.",
)


only_task_option = click.option(
    "--task", shell_complete=complete_task, help="Only this task: its name, or its name and version."
)


def complete_method(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the installed methods that begin with what was typed."""
    from petbench.registry import load_plugins

    return [name for name in sorted(load_plugins().methods()) if name.startswith(incomplete)]


def complete_dataset(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the registered datasets that are built, and begin with what was typed."""
    from petbench.registry import load_plugins

    known = load_plugins().datasets().values()
    return sorted(spec.name for spec in known if spec.fetch is None and spec.name.startswith(incomplete))


def complete_fetchable(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the cohorts that can be fetched and begin with what was typed."""
    from petbench.registry import load_plugins

    known = load_plugins().datasets().values()
    return sorted(spec.name for spec in known if spec.fetch is not None and spec.name.startswith(incomplete))


def grid_of(text: str, option: str, *others: str) -> Target:
    """Return the grid that an option names: of an image of the pair, or by a spacing in mm, (z, y, x).

    Args:
        text: as it was typed.
        option: its name, for messages.
        others: words that the option takes beside these.

    Raises:
        UsageError: it names none.
    """
    from petbench.errors import UsageError

    if text == "early":
        return "early"
    if text == "delayed":
        return "delayed"
    words = ", ".join(["early", "delayed", *others])
    try:
        z, y, x = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text!r} is not understood; write {words}, or a spacing such as 5,4,4") from None
    return z, y, x


def name_on_the_board(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's signature
    """Return a dataset's name on the leaderboard; a folder, as `run` takes it, goes by its own name."""
    from petbench.api.boards import name_on_the_board as named

    return None if value is None else named(value)


def names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:  # noqa: ARG001 - click's signature
    """Return names that were given in one text, with commas between them."""
    return () if value is None else tuple(filter(None, (name.strip() for name in value.split(","))))
