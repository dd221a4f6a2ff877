"""Take a verified submission into a leaderboard: the organizer's own scores, under the submitter's plan."""

from __future__ import annotations

import dataclasses
import shutil
import unicodedata
from typing import TYPE_CHECKING

from petbench.runs.folder import plan_run
from petbench.runs.scorer import record_scores
from petbench_datasets.files import atomic_path, write_text
from petbench_leaderboard.records import COST_FIELDS, SUBMISSION, VALIDATION_FIELDS

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def accept(submission: Verified, home: Home, leaderboard: Leaderboard) -> list[tuple[RunRow, bool]]:
    """Store every run of a verified submission as `rescored`, with the scores computed here.

    Times, memory, machine and the score on validation participants, whose predictions stay with the submitter, are as
    the submitter says; the row says so in its machine facts. A row of the same run that was only self-reported here, as
    a merge brings it, gives its place up. Accepting the same run twice changes nothing. Weights stay in the submission.

    Returns:
        The row of each run, and whether it was there already.
    """
    return [
        _accept_run(submission, index, verified_run, home, leaderboard)
        for index, verified_run in enumerate(submission.runs)
    ]


def _accept_run(
    submission: Verified, index: int, found: VerifiedRun, home: Home, leaderboard: Leaderboard
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
    )
    run_id, folder = plan_run(plan, record, home, leaderboard)
    try:
        folder.predictions.mkdir(exist_ok=True)
        for path in sorted((submission.predictions / str(index)).iterdir()):
            with atomic_path(folder.predictions / path.name) as temporary:
                shutil.copyfile(path, temporary)
        _keep_log(submission, found, folder)
        record_scores(leaderboard, run_id, found.dataset, found.scores)
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
    shown = "".join(letter if letter in "\n\t" or unicodedata.category(letter) != "Cc" else "?" for letter in text)
    write_text(folder.log, f"as it came in submission {submission.digest}:\n{shown}")
