"""Sensitivity and false positives over all participants, by the lesions' contrast, from the participants' rows."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

from petbench.evaluation.metrics.lesion_endpoints import lesion_endpoints
from petbench.evaluation.protocol import CONTRAST_EDGES
from petbench_datasets.bids.names import person_of
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.metric_spec import MetricSpec
    from petbench_datasets.tasks.task import Task

_BOUNDS = (0.0, *CONTRAST_EDGES, math.inf)
_BINS = "contrast-" + "-".join(f"{edge:g}" for edge in CONTRAST_EDGES)
ALL = "all contrasts"


def contrast_bin(contrast: float) -> str:
    """Return the name of the bin of a contrast, such as `contrast 1.5 to 2`; the lower edge belongs to it."""
    low, high = next((low, high) for low, high in itertools.pairwise(_BOUNDS) if contrast < high)
    if low == 0.0:
        return f"contrast below {high:g}"
    return f"contrast from {low:g}" if math.isinf(high) else f"contrast {low:g} to {high:g}"


def detection_scores(records: Sequence[ScoreRecord], task: Task) -> list[ScoreRecord]:
    """Return the rows of all lesions of all participants together, bin by bin; none where no lesions are labelled.

    Sensitivity counts lesions, not participants, and has the real image's own beside it: what the same rule finds in
    the image that is to be predicted. False positives are a participant's mean, by the contrast that the prediction
    gives them.

    Args:
        records: of the participants.
        task: that they were scored for: it decides where focal uptake is looked for.
    """
    specs = {spec.name: spec for spec in lesion_endpoints(task)}
    return [
        *_sensitivity(records, specs["lesion_sensitivity"]),
        *_false_positives(records, specs["lesion_false_positives"]),
    ]


def _sensitivity(records: Sequence[ScoreRecord], spec: MetricSpec) -> list[ScoreRecord]:
    lesions = [record for record in records if record.metric == "lesion_found"]
    rows = []
    for name in (ALL, *_names()):
        of_bin = [record for record in lesions if name in (ALL, _bin_of(record.extra.get("contrast")))]
        if not of_bin:
            continue
        reason = next((record.reason for record in of_bin if record.value is None), None)
        found = sum(record.value or 0.0 for record in of_bin)
        in_real = sum(bool(record.extra.get("found_in_real")) for record in of_bin)
        extra = {
            "lesions": len(of_bin),
            "participants": len({person_of(str(record.participant)) for record in of_bin}),
            "real_percent": 100.0 * in_real / len(of_bin),
        }
        rows.append(_row(spec, name, None if reason else 100.0 * found / len(of_bin), reason, extra))
    return rows


def _false_positives(records: Sequence[ScoreRecord], spec: MetricSpec) -> list[ScoreRecord]:
    people = [record for record in records if record.metric == spec.name]
    if not people:
        return []
    reason = next((record.reason for record in people if record.value is None), None)
    by_person: dict[str, list[list[object]]] = defaultdict(list)
    for record in people:
        by_person[person_of(str(record.participant))].append(_contrasts(record))
    rows = []
    for name in (ALL, *_names()):
        # Of a person with several sessions, the mean of them.
        means = [
            fmean(sum(name in (ALL, _bin_of(contrast)) for contrast in contrasts) for contrasts in sessions)
            for sessions in by_person.values()
        ]
        regions = sum(name in (ALL, _bin_of(contrast)) for record in people for contrast in _contrasts(record))
        extra = {"regions": regions, "participants": len(means)}
        rows.append(_row(spec, name, None if reason else fmean(means), reason, extra))
    return rows


def _contrasts(record: ScoreRecord) -> list[object]:
    found = record.extra.get("contrasts")
    return list(found) if isinstance(found, list) else []


def _bin_of(contrast: object) -> str | None:
    return contrast_bin(contrast) if isinstance(contrast, float) else None


def _names() -> list[str]:
    return [contrast_bin(low) for low in _BOUNDS[:-1]]


def _row(
    spec: MetricSpec, region: str, value: float | None, reason: str | None, extra: Mapping[str, object]
) -> ScoreRecord:
    return ScoreRecord(
        participant=None,
        region=region,
        metric=f"{spec.name}_by_contrast",
        convention_id=f"{_BINS}/{spec.convention_id}",
        value=value,
        unit=spec.unit,
        higher_is_better=spec.higher_is_better,
        reason=reason,
        extra=extra,
        facts=MetricFacts(
            label=spec.label,
            detail="by contrast",
            summary=f"{spec.label.lower()} over all participants by the lesions' contrast, maximum over surroundings",
            decimals=spec.decimals,
            shown=False,
        ),
    )
