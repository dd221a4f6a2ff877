"""The session of the command that is being run."""

from __future__ import annotations

import click

from petbench.api.session import Session


def begin(ctx: click.Context, *, db: str | None) -> None:
    """Give a command its session, which is closed when the command ends."""
    ctx.obj = Session(db=db, tell=_tell)
    ctx.call_on_close(ctx.obj.close)


def session() -> Session:
    """Return the session of the command that is being run."""
    found = click.get_current_context().find_object(Session)
    assert found is not None, "the group has begun one"
    return found


def _tell(kind: str, text: str) -> None:
    click.echo(f"{click.style(f'{kind}:', fg='yellow')} {text}", err=True)
