"""What a run's row and log say of its validation participants, from the prediction files in its folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from petbench.training.prediction_errors import mean_of
from petbench.training.training_log import TrainingLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.evaluation.validation import ValidationScore
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.store import Leaderboard

_LOG = logging.getLogger("petbench")


def log_validation(
    leaderboard: Leaderboard, run_id: int, errors: Sequence[Mapping[str, float]], folder: RunFolder
) -> None:
    """Add to the training's log the errors of the final model, as those of a model that still trains are logged.

    Args:
        leaderboard: where the run's row is.
        run_id: the row's number.
        errors: of each validation participant, what `petbench.training.validation.prediction_errors` gives.
        folder: of the run.
    """
    row = leaderboard.run(run_id)
    spent = {"images": row.images_seen or 0, "seconds": round(row.train_seconds or 0.0, 3)}
    TrainingLog(folder.training).append("validated", spent | mean_of(errors))


def store_validation_score(leaderboard: Leaderboard, run_id: int, found: ValidationScore) -> None:
    """Store how the predictions of the validation participants score, in the run's row."""
    if found.value is None:
        _LOG.warning("no validation score: %s", found.reason)
    leaderboard.update(
        run_id,
        validation_score=found.value,
        validation_metric=found.metric if found.value is not None else None,
        validation_convention=found.convention if found.value is not None else None,
    )
