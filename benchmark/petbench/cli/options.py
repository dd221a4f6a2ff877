"""What options of several commands share. Plugins are loaded only when the shell asks for completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


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
