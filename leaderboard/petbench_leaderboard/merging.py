"""Merge one run of another leaderboard into this one: add what is missing, overwrite only what is self-reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from petbench_leaderboard.cached_means import board_key, board_number
from petbench_leaderboard.field_uses import fields_for
from petbench_leaderboard.records import RunRow
from petbench_leaderboard.rows import columns_of
from petbench_leaderboard.same_run import same_runs
from petbench_leaderboard.schema import Phase, Run, Score, SourceDiff
from petbench_leaderboard.score_tables import add_missing_scores
from petbench_leaderboard.storable import carried
from petbench_leaderboard.validation_scores import add_validation, forget_validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.exported_run import ExportedRun
    from petbench_leaderboard.phase_rows import PhaseRow

_UNFINISHED = ("planned", "running", "interrupted")
_MADE_ELSEWHERE = tuple(
    name
    for name in fields_for(RunRow, "change")
    if name not in ("log_path", "verification", "submitter", "purpose", "tuning")
)
"""What the machine that makes a run says of it."""


def merge_run(session: Session, exported: ExportedRun) -> Literal["new", "more", "known"]:
    """Store a run under its uid; the caller refreshes the cached means.

    A self-reported run adds nothing to a verified row, nor to another submitter's: its scores would pass for theirs, or
    make a second row of one run. A verified run replaces the same run that was only self-reported, scores included.
    """
    run, scores, phases, source_diff = exported.run, exported.scores, exported.phases, exported.source_diff
    found = session.scalar(sa.select(Run).where(Run.uid == run.uid))
    if found is None and run.verification == "self-reported" and _is_verified_here(session, run):
        return "known"
    columns = columns_of(run)
    del columns["id"]
    if found is None:
        found = Run(**columns | {"log_path": None}, run_group=run.run_group)
        session.add(found)
        session.flush()
        _add_phases(session, found.id, phases)
        _add_scores(session, found.id, exported)
        replace_diff(session, found.id, source_diff)
        board_number(session, board_key(run, run.protocol))
        return "new"
    if run.verification == "self-reported" and (found.verification, found.submitter) != (
        run.verification,
        run.submitter,
    ):
        return "known"
    known = session.scalar(sa.select(Score.run_id).where(Score.run_id == found.id).limit(1)) is not None
    here, there = (status in _UNFINISHED for status in (found.status, run.status))
    ended = here and not there
    # A row without scores, such as one whose targets were withheld, verifies none of the self-reported ones.
    verifies = found.verification == "self-reported" != run.verification and bool(scores or not known)
    verified = verifies and (here or not there)
    tested = not there and found.purpose != "test" == run.purpose
    changed = ended or verified or tested
    if verified:
        session.execute(sa.delete(Score).where(Score.run_id == found.id))
        forget_validation(session, found.id)
    if changed:
        for name, value in columns.items():
            if name != "log_path":
                setattr(found, name, value)
        found.run_group = run.run_group
        session.execute(sa.delete(Phase).where(Phase.run_id == found.id))
        _add_phases(session, found.id, phases)
        replace_diff(session, found.id, source_diff)
    more = _add_scores(session, found.id, exported)
    return "more" if changed or more else "known"


def adopt_run(session: Session, exported: ExportedRun) -> str | None:
    """Take over what another machine has made of a run of this leaderboard; return its run group, None if it has none.

    What the run was asked for, whose it is and where its folder lies stay as they are; the rest is as it is there. The
    same once more changes nothing. The caller refreshes the cached means.
    """
    run = exported.run
    found = session.scalar(sa.select(Run).where(Run.uid == run.uid))
    if found is None or found.identity != run.identity:
        return None
    columns = columns_of(run)
    for name in _MADE_ELSEWHERE:
        setattr(found, name, columns[name])
    session.execute(sa.delete(Phase).where(Phase.run_id == found.id))
    _add_phases(session, found.id, exported.phases)
    for protocol, metric in {(score.protocol, score.metric) for score in exported.scores}:
        same = (Score.run_id == found.id, Score.protocol == protocol, Score.metric == metric)
        session.execute(sa.delete(Score).where(*same))
    forget_validation(session, found.id)
    _add_scores(session, found.id, exported)
    replace_diff(session, found.id, exported.source_diff)
    return found.run_group


def _is_verified_here(session: Session, run: RunRow) -> bool:
    """Whether the same run ended well here under another uid and was verified."""
    verified = (Run.status == "ok", Run.purpose == "test", Run.verification != "self-reported")
    return bool(same_runs(session, run.identity, run.task_definition, *verified))


def replace_diff(session: Session, run_id: int, diff: str) -> None:
    """Store a run's difference from its commit in place of an earlier one; an empty text leaves none."""
    session.execute(sa.delete(SourceDiff).where(SourceDiff.run_id == run_id))
    if diff:
        session.add(SourceDiff(run_id=run_id, diff=carried(diff)))


def _add_scores(session: Session, run_id: int, exported: ExportedRun) -> bool:
    """Store the scores that are not here, on test and on validation participants; return whether there were any."""
    of_test = add_missing_scores(session, Score, run_id, exported.scores)
    return add_validation(session, run_id, exported.validation) or of_test


def _add_phases(session: Session, run_id: int, phases: Sequence[PhaseRow]) -> None:
    for phase in phases:
        session.add(Phase(run_id=run_id, phase=phase.phase, seconds=phase.seconds, recorded_at=phase.recorded_at))
