"""How a run scores on its validation participants, from files: by every metric, and the number that chooses runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.agreement_rows import agreement_scores
from petbench.evaluation.lesion_detection import detection_scores
from petbench.evaluation.reader import find_predictions
from petbench.evaluation.scoring import measure, read_case
from petbench.evaluation.task_metrics import metrics_for
from petbench_leaderboard.validation_scores import run_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.metric_spec import Case, MetricSpec
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.score_records import ScoreRecord


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """The number that chooses between runs of one method.

    Attributes:
        metric: the task's ranking metric.
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
    *,
    progress: Progress,
    seen: Callable[[Case], None] | None = None,
    digests: Mapping[str, str] | None = None,
) -> list[ScoreRecord]:
    """Return every score of the predictions of the validation participants but the distances between sets of slices.

    Those take their features longer than all else together, and of so few participants they order nothing.

    Args:
        dataset: where the real images come from.
        participants: who validates; at least one.
        predictions: the folder with `<participant>.nii.gz`, as for `petbench.evaluation.scoring.score_predictions`.
        metrics: of one participant, each of which is scored as the dataset's task has it.
        progress: is given how far the work is.
        seen: given each participant's images as they are read, for whoever needs them too.
        digests: of each prediction as it was written, where somebody took them.

    Raises:
        DataError: a prediction is missing or cannot be scored.
    """
    specs = metrics_for(dataset.task, metrics)
    records: list[ScoreRecord] = []
    files = find_predictions(predictions, participants, dataset)
    for done, (participant, path) in enumerate(files.items()):
        progress(f"validating {participant}", done, len(files))
        case = read_case(dataset, participant, path, digests=digests)
        if seen is not None:
            seen(case)
        records += [record for spec in specs for record in measure(spec, case)]
    progress("validated", len(files), len(files))
    return [*records, *agreement_scores(records), *detection_scores(records, dataset.task)]


def ranking_score(records: Sequence[ScoreRecord], names: Sequence[str]) -> ValidationScore:
    """Return the mean of the ranking metric, the first of its names that every participant has a value of.

    Where none has, the first that was measured says why.

    Args:
        records: of the validation participants.
        names: what ranks the boards of the task, see `petbench_leaderboard.board_tasks.ranking_metrics`.
    """
    cells = {column: cell for column, cell in run_cells(records).items() if column.metric in names}
    if not cells:
        return ValidationScore(names[0], None, None, f"no metric of the whole image is called {' or '.join(names)}")
    found = sorted(cells, key=lambda column: names.index(column.metric))
    best = next((column for column in found if cells[column].mean is not None), found[0])
    reason = None if cells[best].mean is not None else _reason(records, best.metric)
    return ValidationScore(best.metric, best.convention_id, cells[best].mean, reason)


def _reason(records: Sequence[ScoreRecord], metric: str) -> str:
    empty = next((record for record in records if record.metric == metric and record.value is None), None)
    return f"{metric} of {empty.participant}: {empty.reason}" if empty else f"{metric} was not measured of everybody"
