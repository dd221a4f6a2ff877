"""The options that say on which machines runs are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from petbench.engines.chosen import ChosenEngine
    from petbench.registry import Registry

_OPTIONS = (
    click.option(
        "--on",
        metavar="ENGINE",
        help="Make the runs on other machines: slurm, dask:ADDRESS, local:N for N at once on this one.",
    ),
    click.option("--cpus", type=click.IntRange(1), metavar="N", help="Cores of each run; with --on.  [default: 1]"),
    click.option(
        "--gpus",
        type=click.IntRange(0),
        metavar="N",
        help="Graphics cards of each run. Several share its training, where its method allows that.",
    ),
    click.option(
        "--memory",
        type=click.FloatRange(0, min_open=True),
        metavar="GIB",
        help="Memory of each run, in GiB; with --on.",
    ),
    click.option(
        "--minutes",
        type=click.IntRange(1),
        metavar="N",
        help="Time of each job; with --on. A run that needs more goes on in another job.",
    ),
    click.option("--at-once", type=click.IntRange(1), metavar="N", help="Runs at one time, at most; with --on."),
    click.option(
        "--tries", type=click.IntRange(1), metavar="N", help="Times that a run is submitted; with --on.  [default: 3]"
    ),
    click.option(
        "--engine-option",
        "engine_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="Option of the engine, such as partition=gpu for slurm; with --on. May be repeated.",
    ),
)
_DETACH = click.option("--detach", is_flag=True, help="Submit and return; `petbench runs collect` brings the runs in.")
_NAMES = ("cpus", "gpus", "memory", "minutes", "at_once", "tries", "engine_options", "detach")


def engine_options(*, may_detach: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what gives a command the options of engines; one that needs the results of its runs may not detach."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_OPTIONS, *((_DETACH,) if may_detach else ()))):
            command = option(command)
        return command

    return decorate


def chosen_engine(
    values: dict[str, Any], registry: Callable[[], Registry], *, shares: bool = True
) -> ChosenEngine | None:
    """Take the options of engines out of a command's and return the engine, None where runs are made here.

    Args:
        values: all of the command's, of which these are removed, but for `gpus`.
        registry: gives the installed plugins.
        shares: whether several cards may share a training of this command.

    Raises:
        UsageError: an option of engines is given and no engine, or the engine is not understood.
    """
    from petbench.errors import UsageError

    on = values.pop("on")
    given: dict[str, Any] = {name: values.pop(name, None) for name in _NAMES}
    if shares:
        values["gpus"] = given["gpus"]
    elif on is not None and (given["gpus"] or 0) > 1:
        raise UsageError(f"--gpus {given['gpus']}: each job of this command has one card; use --gpus 1")
    if on is None:
        if shares:
            del given["gpus"]
        for name, value in given.items():
            if value not in (None, (), False):
                option = "--engine-option" if name == "engine_options" else f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is for --on ENGINE; without it the runs are made here, one after the other")
        return None
    from petbench.engine_spec import Resources
    from petbench.engines.chosen import TRIES, ChosenEngine

    resources = Resources(
        cpus=given["cpus"] or 1,
        gpus=given["gpus"] or 0,
        memory_gib=given["memory"],
        minutes=given["minutes"],
        at_once=given["at_once"],
    )
    return ChosenEngine.choose(
        on, registry(), given["engine_options"], resources=resources, tries=given["tries"] or TRIES
    )
