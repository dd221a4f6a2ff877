"""Score the predictions in a folder: NIfTI files in, rows for the leaderboard out. No model is looked at."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from petbench.errors import plain_line, text_of
from petbench.evaluation.agreement_rows import agreement_scores
from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.distribution import (
    EXTRACTOR_METRICS,
    ExtractorMetrics,
    Floor,
    distribution_scores,
    empty_scores,
)
from petbench.evaluation.extractors.base import WeightsUnavailableError
from petbench.evaluation.extractors.columns import resolve
from petbench.evaluation.feature_cache import FeatureCache
from petbench.evaluation.label_names import merged, numbered
from petbench.evaluation.lesion_detection import detection_scores
from petbench.evaluation.reader import (
    check_distinct,
    check_unchanged,
    content_digest,
    find_predictions,
    read_prediction,
)
from petbench.evaluation.samples import find_samples, stem
from petbench.evaluation.slices import body_slices
from petbench.evaluation.task_metrics import metrics_for
from petbench.metric_spec import Case, Measurement, MetricSpec
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_leaderboard import storable
from petbench_leaderboard.metric_facts import facts_of
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.storable import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.evaluation.metrics.measures import Mask
    from petbench_datasets.images.grid import Grid
    from petbench_datasets.progress import Progress


def score_predictions(
    dataset: ScoredDataset,
    participants: Sequence[str],
    predictions: Path,
    *,
    progress: Progress = silent,
    cache: Path,
    offline: bool = False,
    metrics: Sequence[MetricSpec] | None = None,
    distances: Sequence[ExtractorMetrics] = EXTRACTOR_METRICS,
    weights: Sequence[Path] = (),
    device: str = "cpu",
    seen: Callable[[Case], None] | None = None,
    digests: Mapping[str, str] | None = None,
) -> list[ScoreRecord]:
    """Return every score of the predictions of `participants`.

    All predictions are read and checked before anything is returned: one that cannot be scored raises, and there are
    no scores at all.

    Args:
        dataset: where the real images come from.
        participants: who is scored, all of them, without exception.
        predictions: the folder with `<participant>.nii.gz`, float32 SUV on the grid of the real images, and with
            samples of them where a method predicts several (`samples`).
        progress: is given how far the work is.
        cache: petbench's cache folder, for features of real slices and for weights.
        offline: whether downloading weights is forbidden.
        metrics: the metrics of one participant, each of which is scored as the dataset's task has it; None for the
            built-in ones.
        distances: the metrics of all participants together, one entry an extractor.
        weights: files of Inception weights named by the user.
        device: where features are computed; everything else is numpy.
        seen: given the images of each participant as they are read.
        digests: `voxel_digest` of each prediction and of each sample as it was written, by the name of its file without
            the ending, where somebody took them.

    Returns:
        One record for each metric, region and participant, then one for each dataset-level metric.

    Raises:
        DataError: a prediction is missing, there twice, on another grid, not finite, negative or not in SUV; or a file
            of weights has the wrong hash.
    """
    specs = metrics_for(dataset.task, builtin_metrics() if metrics is None else metrics)
    files = find_predictions(predictions, participants, dataset)
    samples = find_samples(predictions, participants)
    steps = len(files) + len(distances)
    records: list[ScoreRecord] = []
    contents: dict[str, str] = {}
    real: dict[str, NDArray[np.uint8]] = {}
    predicted: dict[str, NDArray[np.uint8]] = {}
    for done, (participant, path) in enumerate(files.items()):
        progress(f"scoring {participant}", done, steps)
        case = read_case(dataset, participant, path, samples[participant], digests)
        contents[participant] = content_digest(case.predicted)
        check_distinct(contents)
        real[participant] = body_slices(case.delayed, case.body)
        predicted[participant] = body_slices(case.predicted, case.body)
        records += [record for spec in specs for record in measure(spec, case)]
        if seen is not None:
            seen(case)
    records += [*agreement_scores(records), *detection_scores(records, dataset.task)]
    floor = Floor(dataset, participants, FeatureCache(cache, dataset.fingerprint))
    for done, pair in enumerate(distances, start=len(files)):
        doing = f"features for {pair.frechet.name}"
        progress(doing, done, steps)
        try:
            extractor = resolve(pair.frechet.name, cache=cache, given=weights, offline=offline, device=device)
        except WeightsUnavailableError as unavailable:
            records += empty_scores(pair, str(unavailable))
            continue
        within = functools.partial(_part, progress, doing, done, steps)
        records += distribution_scores(pair, extractor, real, predicted, floor, within)
    progress("scored", steps, steps)
    return records


def _part(progress: Progress, doing: str, done: int, steps: int, part: float) -> None:
    progress(doing, done + part, steps)


def measure(spec: MetricSpec, case: Case) -> list[ScoreRecord]:
    """Return the rows of one metric of one participant; a metric that fails leaves a row with its reason.

    So does one that measures what no output can carry: text, a complex number, an endless one, a region twice.
    """
    try:
        records = [_record(spec, case.participant, measurement) for measurement in spec.measure(case)]
        if len({record.region for record in records}) < len(records):
            raise ValueError("it measures a region twice")
    except (Exception, SystemExit) as error:  # a plugin may raise anything, and must not cost the run its other scores
        failed = Measurement(spec.region, None, f"{plain_line(type(error).__name__)}: {text_of(error)}")
        return [_record(spec, case.participant, failed)]
    return records


def _record(spec: MetricSpec, participant: str, measurement: Measurement) -> ScoreRecord:
    value, reason = measurement.value, measurement.reason
    if isinstance(value, str | bytes | bool):
        raise TypeError(f"it measures {type(value).__name__}, which is no number")
    if not isinstance(measurement.region, str):
        raise TypeError("its region is no text")
    value = None if value is None else float(value)
    if value is not None and not is_number(value):
        value, reason = None, f"{spec.name} is {value:g} here"
    storable.check([measurement.region, reason, dict(measurement.extra)])
    return ScoreRecord(
        participant=participant,
        region=measurement.region,
        metric=spec.name,
        convention_id=spec.convention_id,
        value=value,
        unit=spec.unit,
        higher_is_better=spec.higher_is_better,
        reason=reason if value is None else None,
        extra=dict(measurement.extra),
        facts=facts_of(spec),
    )


def _read_sample(path: Path, grid: Grid, body: Mask, digests: Mapping[str, str] | None) -> NDArray[np.float32]:
    """Return the values of a sample in the body."""
    volume = read_prediction(path, grid, body)
    check_unchanged(path, volume, digests[stem(path)] if digests is not None else None)
    return volume[body]


def read_case(
    dataset: ScoredDataset,
    participant: str,
    path: Path,
    samples: Sequence[Path] = (),
    digests: Mapping[str, str] | None = None,
) -> Case:
    """Read a prediction, and its samples where there are any, and all that a metric may look at beside it.

    Raises:
        DataError: the prediction or a sample cannot be scored, or is not the one whose digest was taken.
    """
    odd = next((each for each in samples if digests is not None and stem(each) not in digests), None)
    if odd is not None:
        raise DataError(f"{odd}: the run wrote no such file; remove it")
    pair = dataset.pair(participant)
    body = dataset.body_mask(participant)
    organs, lesions = dataset.labels(participant), dataset.labels(participant, "lesions")
    labels, names = merged(*organs) if organs else (None, {})
    drawn = [_read_sample(each, pair.grid, body, digests) for each in samples]
    predicted = read_prediction(path, pair.grid, body)
    check_unchanged(path, predicted, digests[participant] if digests is not None else None)
    return Case(
        participant=participant,
        predicted=predicted,
        delayed=pair.delayed,
        early=pair.early,
        body=body,
        grid=pair.grid,
        labels=labels,
        names=names,
        lesions=lesions[0] if lesions else None,
        lesion_names=numbered(lesions[1]) if lesions else {},
        samples=np.stack(drawn) if drawn else None,
    )
