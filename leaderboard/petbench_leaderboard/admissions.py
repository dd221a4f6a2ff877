"""The log of what came in from elsewhere, and of what was removed: who, when, from which file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from petbench_leaderboard.rows import in_batches
from petbench_leaderboard.schema import Admission, PredictionDigest, Run
from petbench_leaderboard.storable import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.readable import ReadableLeaderboard
    from petbench_leaderboard.records import RunRow

Action = Literal["accepted", "reproduced", "imported", "merged", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """That one run came in, or was removed.

    Attributes:
        at: when, in UTC.
        action: what was done.
        submitter: whose row it is; empty for one's own.
        method: the row's method.
        source: the file that it came from.
        digest: SHA-256 of that file; empty where there is none.
        run_id: the run's number then.
        uid: the run's name in every leaderboard.
    """

    at: datetime
    action: Action
    submitter: str
    method: str
    source: str
    digest: str
    run_id: int
    uid: str


def note(session: Session, action: Action, uids: Iterable[str], *, source: str, digest: str = "") -> None:
    """Enter runs that are on the leaderboard into the log, in the transaction that stores or removes them."""
    now = datetime.now(UTC)
    for some in in_batches(uids):
        runs = session.execute(sa.select(Run.id, Run.uid, Run.method, Run.submitter).where(Run.uid.in_(some)))
        entries = [
            {"at": now, "action": action, "submitter": run.submitter, "method": run.method, "source": plain(source)}
            | {"digest": digest, "run_id": run.id, "uid": run.uid}
            for run in runs
        ]
        if entries:
            session.execute(sa.insert(Admission), entries)


def log(leaderboard: ReadableLeaderboard) -> list[LogEntry]:
    """Return the whole log, newest first."""
    names = LogEntry.__dataclass_fields__
    with leaderboard.reading() as session:
        found = session.scalars(sa.select(Admission).order_by(Admission.id.desc()))
        return [LogEntry(**{name: getattr(entry, name) for name in names}) for entry in found]


def note_voxels(session: Session, run_id: int, digests: Mapping[str, str]) -> None:
    """Keep the hash of the voxels of a run's predictions, by participant; an empty hash is left out."""
    kept = [{"run_id": run_id, "participant": who, "digest": digest} for who, digest in digests.items() if digest]
    session.execute(sa.delete(PredictionDigest).where(PredictionDigest.run_id == run_id))
    if kept:
        session.execute(sa.insert(PredictionDigest), kept)


def with_voxels(leaderboard: ReadableLeaderboard, digests: Iterable[str]) -> dict[str, int]:
    """Return the first run that has a prediction with each of some hashes."""
    found: dict[str, int] = {}
    with leaderboard.reading() as session:
        for some in in_batches({digest for digest in digests if digest}):
            query = sa.select(PredictionDigest.digest, PredictionDigest.run_id).where(PredictionDigest.digest.in_(some))
            rows = session.execute(query.order_by(PredictionDigest.run_id.desc()))
            found |= {row.digest: row.run_id for row in rows}
    return found


def without_voxels(leaderboard: ReadableLeaderboard, runs: Sequence[RunRow]) -> list[RunRow]:
    """Return those of some runs of which no hash is kept yet."""
    known: set[int] = set()
    with leaderboard.reading() as session:
        for some in in_batches(run.id for run in runs):
            known.update(session.scalars(sa.select(PredictionDigest.run_id).where(PredictionDigest.run_id.in_(some))))
    return [run for run in runs if run.id not in known]
