"""Take a verified submission into a leaderboard: the organizer's own scores, under the submitter's plan."""

from __future__ import annotations

import dataclasses
import shutil
import unicodedata
from typing import TYPE_CHECKING

from petbench.runs.entering import enter_run
from petbench_datasets.files import write_text
from petbench_leaderboard.records import COST_FIELDS, SUBMISSION, VALIDATION_FIELDS

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunChanges, RunRow
    from petbench_leaderboard.store import Leaderboard


def accept(submission: Verified, home: Home, leaderboard: Leaderboard) -> list[tuple[RunRow, bool]]:
    """Store every run of a verified submission as `rescored`, with the scores computed here.

    Times, memory, machine and the score on validation participants, whose predictions stay with the submitter, are as
    the submitter says; the row says so in its machine facts. A row of the same run that was only self-reported here, as
    a merge brings it, gives its place up. Accepting the same run twice changes nothing, whether one after the other or
    at once, and a process that is killed leaves nothing. Weights stay in the submission.

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
    known = next((row for row in leaderboard.find(plan.identity) if _is_checked(row)), None)
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
    )

    def fill(folder: RunFolder) -> None:
        folder.predictions.mkdir()
        for path in sorted((submission.predictions / str(index)).iterdir()):
            shutil.copyfile(path, folder.predictions / path.name)
        _keep_log(submission, found, folder)

    changes: RunChanges = {"started_at": facts.started_at, "ended_at": facts.ended_at}
    for name in (*COST_FIELDS, *VALIDATION_FIELDS):
        changes[name] = getattr(facts, name)  # type: ignore[literal-required]
    return enter_run(
        plan,
        record,
        found.scores,
        found.dataset,
        fill=fill,
        origin=submission.digest,
        home=home,
        leaderboard=leaderboard,
        **changes,
    )


def _is_checked(row: RunRow) -> bool:
    return row.status == "ok" and row.verification != "self-reported"


def _keep_log(submission: Verified, found: VerifiedRun, folder: RunFolder) -> None:
    """Keep the submitter's log as text that no terminal obeys."""
    name = f"{found.submitted.folder}/run.log"
    text = submission.archive.read(name).decode("utf-8", errors="replace") if name in submission.archive.names else ""
    shown = "".join(letter if letter in "\n\t" or unicodedata.category(letter) != "Cc" else "?" for letter in text)
    write_text(folder.log, f"as it came in submission {submission.digest}:\n{shown}")
