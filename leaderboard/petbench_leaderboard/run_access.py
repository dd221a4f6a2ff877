"""Find a run inside a transaction: by its number, or while it is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.errors import LeaderboardError, UnderWayError
from petbench_leaderboard.same_run import same_runs
from petbench_leaderboard.schema import Run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunRecord

_LARGEST_NUMBER = 2**31 - 1
"""Of a row, in every database: a driver refuses a larger one with an error of its own."""


def existing_run(session: Session, run_id: int, where: str) -> Run:
    """Return a run by its number.

    Args:
        session: of the database.
        run_id: the number.
        where: the leaderboard's name, for the message.

    Raises:
        LeaderboardError: there is no such run.
    """
    run = session.get(Run, run_id) if abs(run_id) <= _LARGEST_NUMBER else None
    if run is None:
        raise LeaderboardError(f"there is no run {run_id} in {where}: `petbench runs list` shows those there are")
    return run


def refuse_under_way(session: Session, record: RunRecord) -> None:
    """Make sure that the same run is not planned or running, made on this leaderboard.

    Asked in the transaction that plans the run again: of two at once one is refused.

    Raises:
        UnderWayError: one is.
    """
    under_way = (Run.status.in_(("planned", "running")), Run.log_path.is_not(None))
    for run in same_runs(session, record.identity, record.task_definition, *under_way):
        raise UnderWayError(f"run {run.id} is the same run and under way in another process")
