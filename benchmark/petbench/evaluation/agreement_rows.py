"""Agreement over participants as rows for the leaderboard, from the rows of the participants."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from petbench.evaluation.metrics.lesion_endpoints import lesion_biases
from petbench.evaluation.metrics.organs import organ_biases
from petbench.evaluation.protocol import TEST_RETEST_PERCENT
from petbench_datasets.bids.names import person_of
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.metric_facts import MetricFacts, facts_of
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.statistics.agreement import bland_altman, concordance, proportional_bias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.metric_spec import MetricSpec

LESIONS = "lesions"
"""The region of the agreement of all lesions together: no lesion is the same in two participants."""

_OF_ORGANS, _OF_LESIONS = (
    {spec.name: spec for spec in biases(DEFAULT_TASK)} for biases in (organ_biases, lesion_biases)
)
_SPECS = _OF_ORGANS | _OF_LESIONS
_CONCORDANT = {"organ_suvmean_bias", *_OF_LESIONS}

_LIMITS = (
    "mean bias over participants with its limits of agreement (Bland–Altman, mean ± 1.96 SD) and their 95 % intervals"
)
_CONCORDANCE = "Lin's concordance of predicted and real values over participants; 1 is a copy"


def agreement_scores(records: Sequence[ScoreRecord]) -> list[ScoreRecord]:
    """Return rows over all participants: the mean bias with Bland–Altman limits, and Lin's concordance.

    A row's metric is the bias metric's name with `_limits`, or with `_ccc` in the place of `_bias`. It is over the
    participants who have the organ, or over all lesions; if one of them has no value the row is empty, because no
    participant is ever dropped from a mean. Sessions and lesions of one person are no independent values: every person
    counts once.
    """
    groups: dict[tuple[str, str], list[ScoreRecord]] = defaultdict(list)
    for record in records:
        if record.metric in _SPECS and record.participant is not None:
            region = record.region if record.metric in _OF_ORGANS else LESIONS
            groups[record.metric, region].append(record)
    rows = []
    for (metric, region), group in groups.items():
        rows.append(_limits(_SPECS[metric], region, group))
        if metric in _CONCORDANT:
            rows.append(_concordance(_SPECS[metric], region, group))
    return rows


def _limits(spec: MetricSpec, region: str, group: Sequence[ScoreRecord]) -> ScoreRecord:
    reason = _incomplete(group)
    facts = replace(facts_of(spec), label="Agreement", summary=_LIMITS)
    name, convention = f"{spec.name}_limits", f"bland-altman/{_convention(group)}"
    if reason:
        return _row(name, convention, region, spec.unit, None, facts, None, reason, {})
    limits = bland_altman([record.value for record in group if record.value is not None], _people(group))
    trend = proportional_bias(*_pairs(group), _people(group))
    extra = {
        **_counts(group),
        **{key: value for key, value in asdict(limits).items() if key not in ("count", "mean")},
        "proportional_bias_slope": trend.slope if trend else None,
        "proportional_bias_p": trend.p if trend else None,
        "within_test_retest": abs(limits.mean) < TEST_RETEST_PERCENT,
    }
    return _row(name, convention, region, spec.unit, None, facts, limits.mean, None, extra)


def _concordance(spec: MetricSpec, region: str, group: Sequence[ScoreRecord]) -> ScoreRecord:
    name = f"{spec.name.removesuffix('_bias')}_ccc"
    facts = MetricFacts(label="Concordance", detail=spec.detail, summary=_CONCORDANCE, decimals=3, shown=False)
    convention = f"lin-ccc@1/{_convention(group)}"
    reason, extra, value = _incomplete(group), {}, None
    if not reason:
        try:
            found = concordance(*_pairs(group), _people(group))
        except ValueError as error:
            reason = str(error)
        else:
            value = found.value
            extra = _counts(group) | {"pearson": found.pearson, "interval": found.interval}
    return _row(name, convention, region, "", True, facts, value, reason, extra)


def _convention(group: Sequence[ScoreRecord]) -> str:
    """Return that of the values, which a task may have decided."""
    return group[0].convention_id


def _counts(group: Sequence[ScoreRecord]) -> dict[str, object]:
    """Return how many values there are, and of how many participants: one has several sessions or lesions."""
    return {"values": len(group), "participants": len(set(_people(group)))}


def _people(group: Sequence[ScoreRecord]) -> list[str]:
    return [person_of(str(record.participant)) for record in group]


def _pairs(group: Sequence[ScoreRecord]) -> tuple[list[float], list[float]]:
    predicted, real = ([float(str(record.extra[side])) for record in group] for side in ("predicted", "real"))
    return predicted, real


def _incomplete(group: Sequence[ScoreRecord]) -> str | None:
    """Return why there is no row over all of them, or None where everybody has a value."""
    count = sum(record.value is not None for record in group)
    return None if count == len(group) else f"{count}/{len(group)} participants have a value"


def _row(
    metric: str,
    convention_id: str,
    region: str,
    unit: str,
    higher_is_better: bool | None,
    facts: MetricFacts,
    value: float | None,
    reason: str | None,
    extra: Mapping[str, object],
) -> ScoreRecord:
    return ScoreRecord(
        participant=None,
        region=region,
        metric=metric,
        convention_id=convention_id,
        value=value,
        unit=unit,
        higher_is_better=higher_is_better,
        reason=reason,
        extra=extra,
        facts=facts,
    )
