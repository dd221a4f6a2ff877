"""Limits of agreement over participants, from the rows of the participants."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from petbench.evaluation.metrics.organs import bland_altman
from petbench.evaluation.pet_metrics import ORGAN_BIASES
from petbench.evaluation.protocol import TEST_RETEST_PERCENT
from petbench_leaderboard.records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


def agreement_scores(records: Sequence[ScoreRecord]) -> list[ScoreRecord]:
    """Return, for each organ and bias metric, a row over all participants: the mean bias with Bland–Altman limits.

    The row's metric is the bias metric's name with `_limits`. It is over the participants who have the organ; if one of
    them has no value the row is empty, because no participant is ever dropped from a mean.
    """
    names = {spec.name for spec in ORGAN_BIASES}
    groups: dict[tuple[str, str], list[ScoreRecord]] = defaultdict(list)
    for record in records:
        if record.metric in names and record.participant is not None:
            groups[record.metric, record.region].append(record)
    return [_limits(group) for group in groups.values()]


def _limits(group: Sequence[ScoreRecord]) -> ScoreRecord:
    first = group[0]
    values = [record.value for record in group if record.value is not None]
    complete = len(values) == len(group)
    limits = bland_altman(values) if complete else None
    return ScoreRecord(
        participant=None,
        region=first.region,
        metric=f"{first.metric}_limits",
        convention_id=f"bland-altman/{first.convention_id}",
        value=None if limits is None else limits.mean,
        unit=first.unit,
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
    )
