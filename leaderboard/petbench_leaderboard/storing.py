"""Store runs and scores within a transaction that the caller has begun."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from petbench_leaderboard.cached_means import board_key, board_number
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.field_uses import fields_for
from petbench_leaderboard.records import PURPOSES, STATUSES, VERIFICATIONS, RunRow
from petbench_leaderboard.rows import planned_columns, run_row
from petbench_leaderboard.same_run import same_runs
from petbench_leaderboard.schema import Run
from petbench_leaderboard.storable import cleaned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunRecord

_CHANGEABLE = fields_for(RunRow, "change")


def add_run(session: Session, record: RunRecord, uid: str | None) -> Run:
    """Store a run as planned; its `uid` is a new one where none is given."""
    run = Run(
        **planned_columns(record),
        uid=uid or uuid.uuid4().hex,
        run_group=record.run_group,
        status="planned",
        created_at=datetime.now(UTC),
    )
    session.add(run)
    session.flush()
    board_number(session, board_key(run_row(run), run.protocol))
    return run


def change_run(run: Run, changes: Mapping[str, object]) -> None:
    """Note what has changed of a run; the caller refreshes the cached means.

    Raises:
        LeaderboardError: there is no such column, status, verification or purpose.
    """
    unknown = sorted(changes.keys() - set(_CHANGEABLE))
    if unknown:
        raise LeaderboardError(f"a run has no changeable column {unknown[0]!r}")
    _check("status", changes.get("status"), STATUSES)
    _check("verification", changes.get("verification"), VERIFICATIONS)
    _check("purpose", changes.get("purpose"), PURPOSES)
    for column, value in changes.items():
        setattr(run, column, cleaned(value))
    run.run_group = run_row(run).run_group


def checked_row(session: Session, record: RunRecord) -> int | None:
    """Return the number of the same run that is here, ended well and is not only self-reported, None without one.

    One's own run is never kept for that of somebody else.
    """
    kept = Run.verification != "self-reported"
    if record.verification == "own":
        kept = (Run.verification == "own") & Run.log_path.is_not(None)
    ended = (Run.status == "ok", Run.purpose == "test", kept)
    return next((run.id for run in same_runs(session, record.identity, record.task_definition, *ended)), None)


def remove_self_reported(session: Session, record: RunRecord) -> set[str]:
    """Remove what is the same run, ended well and is only self-reported; return the run groups."""
    only_claimed = (Run.status == "ok", Run.verification == "self-reported")
    found = same_runs(session, record.identity, record.task_definition, *only_claimed)
    for run in found:
        session.delete(run)
    session.flush()
    return {run.run_group for run in found}


def _check(name: str, value: object, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise LeaderboardError(f"{value!r} is no {name}: use one of {', '.join(allowed)}")
