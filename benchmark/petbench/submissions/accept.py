"""Take a verified submission into a leaderboard: the organizer's own scores, under the submitter's plan."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from petbench.runs.entering import enter_run
from petbench.submissions.taken import refuse_taken
from petbench_datasets.files import write_text
from petbench_leaderboard.admissions import note, note_voxels
from petbench_leaderboard.records import COST_FIELDS, SUBMISSION, VALIDATION_FIELDS
from petbench_leaderboard.storable import plain

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.schema import Run
    from petbench_leaderboard.store import Leaderboard


def accept(
    submission: Verified, home: Home, leaderboard: Leaderboard, *, submitter: str | None = None
) -> list[tuple[RunRow, bool]]:
    """Store every run of a verified submission as `rescored`, with the scores computed here.

    Times, memory, machine and the score on validation participants, whose predictions stay with the submitter, are as
    the submitter says; the row says so in its machine facts. A row of the same run that was only self-reported here, as
    a merge brings it, gives its place up. Accepting the same run twice changes nothing, whether one after the other or
    at once, and a process that is killed leaves nothing. Weights stay in the submission.

    Args:
        submission: every check of it has passed.
        home: where the runs' folders are made.
        leaderboard: where the rows go.
        submitter: whose they are: rows of one submitter are pooled, those of two never are. None names the submitter
            by the file's hash, so that whoever takes another's name gains nothing by it.

    Returns:
        The row of each run, and whether it was there already.

    Raises:
        SubmissionError: predictions are here already under another name, or another file has the row's place.
    """
    whose = submitter_of(submission, submitter)
    for found in submission.runs:
        refuse_taken(found, leaderboard, home, whose)
    return [
        _accept_run(submission, index, verified_run, home, leaderboard, whose)
        for index, verified_run in enumerate(submission.runs)
    ]


def submitter_of(submission: Verified, given: str | None) -> str:
    """Return whose the rows of a submission are: as the organizer says, else a name made from the file's hash."""
    return given or f"submission {submission.digest[:12]}"


def _accept_run(
    submission: Verified, index: int, found: VerifiedRun, home: Home, leaderboard: Leaderboard, submitter: str
) -> tuple[RunRow, bool]:
    plan, facts = found.plan, found.submitted.facts
    same = leaderboard.find(plan.identity, plan.task_definition)
    known = next((row for row in same if _is_checked(row)), None)
    if known is not None:
        return known, True
    origin: dict[str, object] = {
        SUBMISSION: {
            "sha256": submission.digest,
            "uid": facts.uid,
            "costs": "as the submission says, not measured here",
            "validation": "as the submission says, not scored here",
        }
    }
    record = dataclasses.replace(
        plan.record(),
        machine={**facts.machine, **origin},
        environment=dict(facts.environment),
        device=facts.device,
        verification="rescored",
        submitter=submitter,
    )

    def fill(folder: RunFolder) -> None:
        folder.predictions.mkdir()
        for path in sorted((submission.predictions / str(index)).iterdir()):
            shutil.copyfile(path, folder.predictions / path.name)
        _keep_log(submission, found, folder)

    def beside(session: Session, run: Run) -> None:
        note_voxels(session, run.id, found.voxels)
        note(session, "accepted", [run.uid], source=submission.archive.path.name, digest=submission.digest)

    changes: RunChanges = {"started_at": facts.started_at, "ended_at": facts.ended_at, "tuning": facts.tuning}
    for name in (*COST_FIELDS, *VALIDATION_FIELDS):
        changes[name] = getattr(facts, name)  # type: ignore[literal-required]
    return enter_run(
        plan,
        record,
        found.scores,
        found.dataset,
        fill=fill,
        beside=beside,
        origin=submission.digest,
        home=home,
        leaderboard=leaderboard,
        **changes,
    )


def _is_checked(row: RunRow) -> bool:
    return row.is_tested and row.verification != "self-reported"


def _keep_log(submission: Verified, found: VerifiedRun, folder: RunFolder) -> None:
    """Keep the submitter's log as text that no terminal obeys."""
    name = f"{found.submitted.folder}/run.log"
    text = submission.archive.read(name).decode("utf-8", errors="replace") if name in submission.archive.names else ""
    write_text(folder.log, f"as it came in submission {submission.digest}:\n{plain(text)}")
