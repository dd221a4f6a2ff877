"""What a run's row and log say of its validation participants, from the prediction files in its folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from petbench.training.training_log import TrainingLog
from petbench.training.validation import mean_of, prediction_errors
from petbench_datasets.images.nifti import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


def log_validation(
    leaderboard: Leaderboard, run_id: int, dataset: Dataset, participants: Sequence[str], folder: RunFolder
) -> None:
    """Add to the training's log the errors of the final model, as those of a model that still trains are logged."""
    rows = []
    for participant in participants:
        pair = dataset.pair(participant)
        predicted, _ = read_image(folder.validation / f"{participant}.nii.gz")
        rows.append(prediction_errors(pair.early, pair.delayed, predicted))
    row = leaderboard.run(run_id)
    spent = {"images": row.images_seen or 0, "seconds": round(row.train_seconds or 0.0, 3)}
    TrainingLog(folder.training).append("validated", spent | mean_of(rows))


def record_validation(
    leaderboard: Leaderboard,
    run_id: int,
    scorer: Scorer,
    dataset: Dataset,
    participants: Sequence[str],
    folder: RunFolder,
) -> None:
    """Score the predictions of the validation participants and store the number in the run's row.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    found = scorer.score_validation(dataset, participants, folder.validation)
    if found.value is None:
        _LOG.warning("no validation score: %s", found.reason)
    leaderboard.update(
        run_id,
        validation_score=found.value,
        validation_metric=found.metric if found.value is not None else None,
        validation_convention=found.convention if found.value is not None else None,
    )
