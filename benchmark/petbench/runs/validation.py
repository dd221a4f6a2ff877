"""What a run's row and log say of its validation participants, from the prediction files in its folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.validation import ranking_score
from petbench.runs.time_to_target import final_error
from petbench.training.prediction_errors import mean_of, prediction_errors
from petbench.training.training_log import TrainingLog
from petbench_leaderboard.board_tasks import ranking_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.metric_spec import Case
    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


def measure_validation(
    scorer: Scorer,
    dataset: Dataset,
    participants: Sequence[str],
    predictions: Path,
    digests: Mapping[str, str] | None,
) -> tuple[list[ScoreRecord], list[dict[str, float]]]:
    """Return every score of the predictions of the validation participants, and the errors of each.

    Args:
        scorer: scores them.
        dataset: where the real images come from.
        participants: who validates.
        predictions: the folder with `<participant>.nii.gz`.
        digests: of each as it was written; None where nobody took them.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    errors: list[dict[str, float]] = []

    def measure(case: Case) -> None:
        errors.append(prediction_errors(case.early, case.delayed, case.predicted))

    return scorer.score_validation(dataset, participants, predictions, measure, digests=digests), errors


def record_validation(
    leaderboard: Leaderboard,
    run_id: int,
    scores: Sequence[ScoreRecord],
    errors: Sequence[Mapping[str, float]],
    folder: RunFolder,
) -> None:
    """Store how the predictions of the validation participants score, and the number that chooses in the run's row.

    It is by the metric that ranks the boards of the run's task.

    The log of the training gets the errors of the final model, as those of a model that still trains are logged, unless
    it has them.

    Args:
        leaderboard: where the run's row is.
        run_id: the row's number.
        scores: as `measure_validation` gives them.
        errors: likewise.
        folder: of the run.
    """
    row = leaderboard.run(run_id)
    if errors and final_error(folder.losses) is None:
        _log_validation(row, errors, folder)
    leaderboard.record_validation_scores(run_id, scores, protocol=PROTOCOL)
    found = ranking_score(scores, ranking_metrics(row.task_definition))
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
