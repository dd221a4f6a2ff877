"""Score the stored predictions of a run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.scoring import score_predictions
from petbench.registry import load_plugins
from petbench.runs import pipeline
from petbench.runs.folder import find_folder

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


def rescore(row: RunRow, home: Home, leaderboard: Leaderboard, progress: Progress) -> None:
    """Score the prediction files of a run by the rules of today; no model is looked at.

    The scores take the place of those that the run has under this protocol. What it scored under an earlier one stays
    as it was, on a board of its own.

    Raises:
        UsageError: the run did not end well, or its folder is elsewhere.
        DataError: the dataset has changed, or a prediction cannot be scored any more.
    """
    if row.status != "ok":
        raise UsageError(f"run {row.id} is {row.status} and has no predictions to score")
    folder = find_folder(row, home)
    dataset, fold = pipeline.open_planned(folder.plan())
    records = score_predictions(
        dataset,
        fold.test,
        folder.predictions,
        progress=progress,
        cache=home.cache,
        metrics=load_plugins().metrics(),
        **pipeline.weights_options(),
    )
    leaderboard.record_scores(row.id, records, protocol=PROTOCOL)
    if row.error_message == pipeline.UNSCORED:  # the targets have come since
        leaderboard.update(row.id, error_message=None)
