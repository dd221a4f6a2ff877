"""The session of the command that is being run."""

from __future__ import annotations

import click

from petbench.api.session import Session


def begin(ctx: click.Context, *, db: str | None = None) -> Session:
    """Give a command its session, which is closed when the command ends, and return it."""
    ctx.obj = made = Session(db=db, tell=_tell)
    ctx.call_on_close(made.close)
    return made


def session() -> Session:
    """Return the session of the command that is being run; a group that is run by itself begins one."""
    root = click.get_current_context().find_root()
    return root.obj if isinstance(root.obj, Session) else begin(root)


def _tell(kind: str, text: str) -> None:
    click.echo(f"{click.style(f'{kind}:', fg='yellow')} {text}", err=True)
