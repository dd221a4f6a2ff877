"""Score the stored predictions of a run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.runs.lookup import find_folder
from petbench.runs.planned import open_planned
from petbench.runs.predict_fold import Written
from petbench.runs.scorer import record_scores
from petbench.runs.time_to_target import record_history
from petbench.runs.validation import measure_validation, record_validation

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.scorer import Scorer
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def rescore(row: RunRow, home: Home, leaderboard: Leaderboard, scorer: Scorer, plan: RunPlan | None = None) -> None:
    """Score the prediction files of a run again, under the protocol of this version; no model is looked at.

    The scores take the place of those that the run has under this protocol. What it scored under an earlier one stays
    as it was, on a board of its own; a run that was not tested is not tested now. The scores on the validation
    participants are made again, too, where they were predicted, and what the run's log says of its validations is read
    again.

    Args:
        row: of the run.
        home: where its folder is.
        leaderboard: where the scores go.
        scorer: scores them.
        plan: of the run, where its images are elsewhere than its folder says.

    Raises:
        UsageError: the run has no predictions, or they are not here.
        DataError: the dataset has changed, or the predictions cannot be scored any more.
    """
    if row.status != "ok":
        raise UsageError(f"run {row.id} is {row.status} and has no predictions to score")
    folder = find_folder(row, home)
    dataset, fold = open_planned(plan or folder.plan())
    written = Written.load(folder)  # runs of earlier versions, and of others, took no digests
    if row.is_tested:
        records = scorer.score(dataset, fold.test, folder.predictions, digests=written.of_test if written else None)
        record_scores(leaderboard, row.id, dataset, records)
    if folder.validation.is_dir():  # runs of earlier versions, of others and of programs of others have none
        digests = written.validation if written else None
        of_validation, errors = measure_validation(scorer, dataset, fold.validation, folder.validation, digests)
        record_validation(leaderboard, row.id, of_validation, errors, folder)
    if folder.losses.exists():  # rows of earlier versions lack what the log says; predictions of others have none
        record_history(leaderboard, row.id, folder)
    if row.error_message:  # a run that ended well says nothing else than that its targets were withheld
        leaderboard.update(row.id, error_message=None)
