"""Which stored runs are the same run: those of its identity that were made for a task of its definition.

A task's name and version are part of the identity, and what it asks and decides is not: a task of a package may change
under its version. Whatever takes a stored run for another one finds it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.board_tasks import defined_task
from petbench_leaderboard.schema import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


def is_same_task(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Return whether two definitions of one task's name and version ask and decide the same.

    An empty one is of before definitions were stored: nobody knows more of it than name and version, and these agree.
    """
    return not one or not other or _as_content(one) == _as_content(other)


def same_runs(
    session: Session, identity: str, definition: Mapping[str, object], *conditions: sa.ColumnElement[bool]
) -> list[Run]:
    """Return the stored runs that are the same, newest first.

    Args:
        session: of the database.
        identity: of the run.
        definition: of its task, as `RunRecord.task_definition`.
        conditions: what else they fulfil.
    """
    of_identity = sa.select(Run).where(Run.identity == identity, *conditions).order_by(Run.id.desc())
    stored = session.scalars(of_identity)
    # Compared here: databases compare JSON by its text, or not at all.
    return [run for run in stored if is_same_task(run.task_definition, definition)]


def _as_content(definition: Mapping[str, object]) -> dict[str, object]:
    """Return a definition as its task writes it, without what has its default; as it is where no task can be read."""
    task = defined_task(definition)
    return dict(definition) if task is None else task.content()
