"""The one number that a run has on its validation participants, from files: it chooses between runs of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.reader import find_predictions
from petbench.evaluation.scoring import measure, read_case
from petbench_leaderboard.board import RANKING_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.metric_spec import Case, MetricSpec


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
    names: Sequence[str] = RANKING_METRICS,
    seen: Callable[[Case], None] | None = None,
    digests: Mapping[str, str] | None = None,
) -> ValidationScore:
    """Score the predictions of the validation participants by the protocol's ranking metric.

    Args:
        dataset: where the real images come from.
        participants: who validates; at least one.
        predictions: the folder with `<participant>.nii.gz`, as for `petbench.evaluation.scoring.score_predictions`.
        metrics: of one participant.
        names: of the ranking metrics: the first that every participant has a value of counts.
        seen: given each participant's images as they are read, for whoever needs them too.
        digests: of each prediction as it was written, where somebody took them.

    Returns:
        The score; where no metric has a value of everybody, the first one's reason.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    specs = [spec for name in names for spec in metrics if spec.name == name]
    if not specs:
        return ValidationScore(names[0], None, None, f"no metric of one participant is called {' or '.join(names)}")
    values: dict[str, list[float]] = {spec.name: [] for spec in specs}
    reasons: dict[str, str] = {}
    for participant, path in find_predictions(predictions, participants, dataset).items():
        case = read_case(dataset, participant, path, digests=digests)
        if seen is not None:
            seen(case)
        for spec in specs:
            found = next((record for record in measure(spec, case) if record.region == spec.region), None)
            if found is not None and found.value is not None:
                values[spec.name].append(found.value)
            else:
                why = found.reason if found else f"it is not measured in the region {spec.region}"
                reasons.setdefault(spec.name, f"{spec.name} of {participant}: {why}")
    for spec in specs:
        if spec.name not in reasons:
            found_values = values[spec.name]
            return ValidationScore(spec.name, spec.convention_id, sum(found_values) / len(found_values))
    return ValidationScore(specs[0].name, specs[0].convention_id, None, reasons[specs[0].name])
