"""What a submission may not take: predictions that are here already, and the place of somebody else's row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.reader import content_digest
from petbench.runs.lookup import find_folder
from petbench.submissions.limits import SubmissionError
from petbench_datasets.errors import PetbenchError
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.admissions import note_voxels, with_voxels, without_voxels
from petbench_leaderboard.records import EXTERNAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.home import Home
    from petbench.submissions.verify import VerifiedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def check_different(runs: Sequence[VerifiedRun]) -> None:
    """Refuse a submission that holds the same voxels twice: another seed that changes nothing says nothing.

    Raises:
        SubmissionError: naming both runs.
    """
    seen: dict[str, str] = {}
    for run in runs:
        for participant, digest in run.voxels.items():
            other = seen.setdefault(digest, run.submitted.folder) if digest else run.submitted.folder
            if other != run.submitted.folder:
                raise SubmissionError(
                    f"{run.submitted.folder}: its prediction of {participant} has the voxels of {other}; submit one of "
                    "the two"
                )


def refuse_taken(found: VerifiedRun, leaderboard: Leaderboard, home: Home, submitter: str) -> None:
    """Refuse a run whose predictions are here under another identity, or that would take another row's place.

    A run of the same identity is let through: it is the same run, and accepting it again changes nothing.

    Raises:
        SubmissionError: which row is in the way.
    """
    plan = found.plan
    here = [row for row in leaderboard.runs(dataset=plan.dataset, status="ok") if row.fingerprint == plan.fingerprint]
    others = [row for row in here if row.identity != plan.identity]
    itself = leaderboard.find(plan.identity, plan.task_definition)
    if any(row.status == "ok" and row.verification != "self-reported" for row in itself):
        return
    for row in without_voxels(leaderboard, [row for row in others if set(row.test_participants) & set(found.voxels)]):
        with leaderboard.writing() as session:
            note_voxels(session, row.id, _voxels_of(row, found, home))
    by_number = {row.id: row for row in others}
    same = with_voxels(leaderboard, found.voxels.values())
    for participant, digest in found.voxels.items():
        if (double := by_number.get(same.get(digest, -1))) is not None:
            raise SubmissionError(
                f"{found.submitted.folder}: its prediction of {participant} has the voxels of run {double.id}, "
                f"{double.method} seed {double.seed}, which is here already: the same images do not count twice"
            )
    there = next((row for row in others if row.submitter == submitter and _has_place(row, found)), None)
    if there is not None:
        raise SubmissionError(
            f"{found.submitted.folder}: {submitter} has run {there.id} in its place already, with other predictions; "
            f"remove that one by petbench leaderboard remove {there.id}, or name another --submitter"
        )


def _has_place(row: RunRow, found: VerifiedRun) -> bool:
    """Whether a row of external predictions stands where a run would: only such runs differ by their voxels alone."""
    plan = found.plan
    names = ("method", "distribution", "version", "split_digest", "fold", "seed", "budget", "precision")
    same = all(getattr(row, name) == getattr(plan, name) for name in names)
    return same and row.plugin == plan.plugin == EXTERNAL


def _voxels_of(row: RunRow, found: VerifiedRun, home: Home) -> dict[str, str]:
    """Return the hash of a stored prediction: of one participant, which is enough to know the run again."""
    participant = min(set(row.test_participants) & set(found.voxels))
    try:
        return {participant: content_digest(read_image(find_folder(row, home).prediction(participant))[0])}
    except (PetbenchError, OSError):  # the folder is elsewhere, or the file is damaged: nothing can be compared
        return {}
