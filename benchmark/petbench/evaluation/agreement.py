"""Limits of agreement over participants (Bland–Altman), from the rows of the participants."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.metrics.organs import ORGAN_BIASES
from petbench.evaluation.protocol import TEST_RETEST_PERCENT
from petbench_leaderboard.metric_facts import facts_of
from petbench_leaderboard.records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.metric_spec import MetricSpec

_SUMMARY = "mean over participants of an organ's bias, with its limits of agreement (Bland–Altman, mean ± 1.96 SD)"


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Agreement over participants: mean difference, its SD, and the limits mean ± 1.96 SD (None for just one)."""

    count: int
    mean: float
    standard_deviation: float | None
    low: float | None
    high: float | None


def bland_altman(differences: Sequence[float]) -> BlandAltman:
    """Return the limits of agreement of one difference a participant (Bland & Altman, Lancet 1986;327:307).

    Raises:
        ValueError: no difference at all.
    """
    if not differences:
        raise ValueError("limits of agreement need at least one participant")
    mean = float(np.mean(differences))
    if len(differences) < 2:
        return BlandAltman(1, mean, None, None, None)
    spread = float(np.std(differences, ddof=1))
    return BlandAltman(len(differences), mean, spread, mean - 1.96 * spread, mean + 1.96 * spread)


def agreement_scores(records: Sequence[ScoreRecord]) -> list[ScoreRecord]:
    """Return, for each organ and bias metric, a row over all participants: the mean bias with Bland–Altman limits.

    The row's metric is the bias metric's name with `_limits`. It is over the participants who have the organ; if one of
    them has no value the row is empty, because no participant is ever dropped from a mean.
    """
    specs = {spec.name: spec for spec in ORGAN_BIASES}
    groups: dict[tuple[str, str], list[ScoreRecord]] = defaultdict(list)
    for record in records:
        if record.metric in specs and record.participant is not None:
            groups[record.metric, record.region].append(record)
    return [_limits(specs[metric], group) for (metric, _), group in groups.items()]


def _limits(spec: MetricSpec, group: Sequence[ScoreRecord]) -> ScoreRecord:
    first = group[0]
    values = [record.value for record in group if record.value is not None]
    complete = len(values) == len(group)
    limits = bland_altman(values) if complete else None
    return ScoreRecord(
        participant=None,
        region=first.region,
        metric=f"{spec.name}_limits",
        convention_id=f"bland-altman/{spec.convention_id}",
        value=None if limits is None else limits.mean,
        unit=spec.unit,
        higher_is_better=None,
        reason=None if complete else f"{len(values)}/{len(group)} participants have a value",
        extra={}
        if limits is None
        else {
            "participants": limits.count,
            "standard_deviation": limits.standard_deviation,
            "low": limits.low,
            "high": limits.high,
            "within_test_retest": abs(limits.mean) < TEST_RETEST_PERCENT,
        },
        facts=replace(facts_of(spec), label="Agreement", summary=_SUMMARY),
    )
