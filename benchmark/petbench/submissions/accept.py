"""Take a verified submission into a leaderboard: the organizer's own scores, under the submitter's plan."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

from petbench.runs.folder import plan_run
from petbench.runs.scorer import record_scores
from petbench.submissions.taken import refuse_taken
from petbench_datasets.files import atomic_path, write_text
from petbench_leaderboard.admissions import note, note_voxels
from petbench_leaderboard.records import COST_FIELDS, SUBMISSION, VALIDATION_FIELDS
from petbench_leaderboard.storable import plain

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def accept(
    submission: Verified, home: Home, leaderboard: Leaderboard, *, submitter: str | None = None
) -> list[tuple[RunRow, bool]]:
    """Store every run of a verified submission as `rescored`, with the scores computed here.

    Times, memory, machine and the score on validation participants, whose predictions stay with the submitter, are as
    the submitter says; the row says so in its machine facts. A row of the same run that was only self-reported here, as
    a merge brings it, gives its place up. Accepting the same run twice changes nothing. Weights stay in the submission.

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
    whose = submitter or f"submission {submission.digest[:12]}"
    for found in submission.runs:
        refuse_taken(found, leaderboard, home, whose)
    rows = [
        _accept_run(submission, index, verified_run, home, leaderboard, whose)
        for index, verified_run in enumerate(submission.runs)
    ]
    new = [row.uid for row, known in rows if not known]
    note(leaderboard, "accepted", new, source=submission.archive.path.name, digest=submission.digest)
    return rows


def _accept_run(
    submission: Verified, index: int, found: VerifiedRun, home: Home, leaderboard: Leaderboard, submitter: str
) -> tuple[RunRow, bool]:
    plan, facts = found.plan, found.submitted.facts
    stored = [row for row in leaderboard.find(plan.identity) if row.status == "ok"]
    for row in stored:
        if row.verification != "self-reported":
            return row, True
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
    run_id, folder = plan_run(plan, record, home, leaderboard)
    try:
        folder.predictions.mkdir(exist_ok=True)
        for path in sorted((submission.predictions / str(index)).iterdir()):
            with atomic_path(folder.predictions / path.name) as temporary:
                shutil.copyfile(path, temporary)
        _keep_log(submission, found, folder)
        record_scores(leaderboard, run_id, found.dataset, found.scores)
        note_voxels(leaderboard, run_id, found.voxels)
        leaderboard.update(
            run_id,
            status="ok",
            phase="score",
            started_at=facts.started_at,
            ended_at=facts.ended_at,
            **{name: getattr(facts, name) for name in (*COST_FIELDS, *VALIDATION_FIELDS)},
        )
    except BaseException:
        leaderboard.delete(run_id)
        folder.delete()
        raise
    for row in stored:  # only self-reported until now: the row that was checked takes its place
        leaderboard.delete(row.id)
    return leaderboard.run(run_id), False


def _keep_log(submission: Verified, found: VerifiedRun, folder: RunFolder) -> None:
    """Keep the submitter's log as text that no terminal obeys."""
    name = f"{found.submitted.folder}/run.log"
    text = submission.archive.read(name).decode("utf-8", errors="replace") if name in submission.archive.names else ""
    write_text(folder.log, f"as it came in submission {submission.digest}:\n{plain(text)}")
