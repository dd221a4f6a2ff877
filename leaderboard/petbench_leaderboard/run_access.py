"""Find a run inside a transaction: by its number, or by its identity while it is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.errors import LeaderboardError, UnderWayError
from petbench_leaderboard.schema import Run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

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


def refuse_under_way(session: Session, identity: str) -> None:
    """Make sure that no run of an identity that was made on this leaderboard is planned or running.

    Asked in the transaction that plans the run again: of two at once one is refused.

    Raises:
        UnderWayError: one is.
    """
    under_way = (Run.identity == identity, Run.status.in_(("planned", "running")), Run.log_path.is_not(None))
    number = session.scalar(sa.select(Run.id).where(*under_way).limit(1))
    if number is not None:
        raise UnderWayError(f"run {number} is the same run and under way in another process")
