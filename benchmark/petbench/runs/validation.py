"""What a run's row and log say of its validation participants, from the prediction files in its folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from petbench.runs.time_to_target import final_error
from petbench.training.training_log import TrainingLog
from petbench.training.validation import mean_of, prediction_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.metric_spec import Case
    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


def record_validation(
    leaderboard: Leaderboard,
    run_id: int,
    scorer: Scorer,
    dataset: Dataset,
    participants: Sequence[str],
    folder: RunFolder,
) -> None:
    """Score the predictions of the validation participants and store the number in the run's row.

    The log of the training gets the errors of the final model, as those of a model that still trains are logged, unless
    it has them.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    errors: list[dict[str, float]] = []

    def measure(case: Case) -> None:
        errors.append(prediction_errors(case.early, case.delayed, case.predicted))

    found = scorer.score_validation(dataset, participants, folder.validation, measure)
    if errors and final_error(folder.losses) is None:  # nobody was read where no installed metric ranks
        _log_validation(leaderboard.run(run_id), errors, folder)
    if found.value is None:
        _LOG.warning("no validation score: %s", found.reason)
    leaderboard.update(
        run_id,
        validation_score=found.value,
        validation_metric=found.metric if found.value is not None else None,
        validation_convention=found.convention if found.value is not None else None,
    )


def _log_validation(row: RunRow, errors: Sequence[Mapping[str, float]], folder: RunFolder) -> None:
    spent = {"images": row.images_seen or 0, "seconds": round(row.train_seconds or 0.0, 3)}
    TrainingLog(folder.training).append("validated", spent | mean_of(errors))
