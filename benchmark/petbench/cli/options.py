"""Shell completion of names. Plugins are loaded only when the shell asks."""

from __future__ import annotations

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
