"""What the task of a board decides of it, from the definition that comes with its rows: nobody else needs the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from petbench_datasets.errors import DataError
from petbench_datasets.tasks.task import Task
from petbench_leaderboard.board import RANKING_METRICS
from petbench_leaderboard.schema import BoardRow, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_leaderboard.records import PlannedRun
    from petbench_leaderboard.store import Leaderboard

_LEVELS_OF_TRUST = (2, 1, 0)


def defined_task(definition: Mapping[str, object]) -> Task | None:
    """Return the task that a row's definition says; None where it says none, or one that this version cannot read."""
    try:
        return Task.from_content(definition) if definition else None
    except DataError:
        return None


def check_definition(run: PlannedRun) -> None:
    """Make sure that what comes with a run from elsewhere defines the task that the run is of.

    Raises:
        ValueError: it defines another.
    """
    task = defined_task(run.task_definition)
    if task is not None and task.id != run.task:
        raise ValueError(f"it is of the task {run.task}, and defines {task.id}")


def ranking_metrics(definition: Mapping[str, object]) -> tuple[str, ...]:
    """Return what decides the order of a task's boards: the first that any row of a board has a mean of."""
    task = defined_task(definition)
    return (task.ranking_metrics if task else ()) or RANKING_METRICS


def shown_organs(definition: Mapping[str, object]) -> tuple[str, ...]:
    """Return which organs the report shows of each participant, in this order; empty for all."""
    task = defined_task(definition)
    return task.shown_organs if task else ()


def definition_of_board(leaderboard: Leaderboard, board_id: int) -> Mapping[str, object]:
    """Return the definition of a board's task: that of the first run that counts, of those of which most was seen here.

    So what somebody sends must not decide by what the rows that were made here are ranked. A run that was repeated by
    force, for what its task says by then, counts no longer.
    """
    newer = aliased(Run)
    repeated = sa.exists().where(
        newer.run_group == Run.run_group,
        newer.on_board.is_(True),
        newer.seed == Run.seed,
        newer.fold == Run.fold,
        newer.id > Run.id,
    )
    query = (
        sa.select(Run.task_definition)
        .join(BoardRow, BoardRow.run_group == Run.run_group)
        .where(BoardRow.board_id == board_id, Run.on_board.is_(True), ~repeated)
        .order_by(Run.id)
        .limit(1)
    )
    with leaderboard.reading() as session:
        for trust in _LEVELS_OF_TRUST:
            found = session.scalar(query.where(BoardRow.trust == trust))
            if found is not None:
                return dict(found)
    return {}
