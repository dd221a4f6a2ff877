"""The one number that a run has on its validation participants, from files: it chooses between runs of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.reader import find_predictions
from petbench.evaluation.scoring import measure, read_case
from petbench_leaderboard.board import DEFAULT_METRIC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.metric_spec import MetricSpec


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """How well a run predicts its validation participants.

    Attributes:
        metric: the protocol's ranking metric.
        convention: of that metric; None where no installed metric is called so.
        value: mean over the participants, all of them; None where one has no number.
        reason: why there is no value.
    """

    metric: str
    convention: str | None
    value: float | None
    reason: str | None = None


def score_validation(
    dataset: ScoredDataset,
    participants: Sequence[str],
    predictions: Path,
    metrics: Sequence[MetricSpec],
    name: str = DEFAULT_METRIC,
) -> ValidationScore:
    """Score the predictions of the validation participants by the protocol's ranking metric.

    Args:
        dataset: where the real images come from.
        participants: who validates; at least one.
        predictions: the folder with `<participant>.nii.gz`, as for `petbench.evaluation.scoring.score_predictions`.
        metrics: of one participant.
        name: of the ranking metric.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    spec = next((each for each in metrics if each.name == name), None)
    if spec is None:
        return ValidationScore(name, None, None, f"no metric of one participant is called {name}")
    values: list[float] = []
    for participant, path in find_predictions(predictions, participants, dataset).items():
        records = measure(spec, read_case(dataset, participant, path))
        found = next((record for record in records if record.region == spec.region), None)
        if found is None or found.value is None:
            why = found.reason if found else f"it is not measured in the region {spec.region}"
            return ValidationScore(name, spec.convention_id, None, f"{name} of {participant}: {why}")
        values.append(found.value)
    return ValidationScore(name, spec.convention_id, sum(values) / len(values))
