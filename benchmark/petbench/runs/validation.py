"""What a run's row says of its validation participants, from the prediction files in its folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_datasets.dataset.reader import Dataset
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
