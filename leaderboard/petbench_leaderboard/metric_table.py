"""Store and read what is shown of metrics: one row a metric and convention, whoever scored by it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.metric_facts import facts_of
from petbench_leaderboard.schema import Metric
from petbench_leaderboard.score_records import metrics_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.metric_facts import MetricFacts, MetricKey
    from petbench_leaderboard.score_records import ScoreRecord


def store_metrics(session: Session, scores: Sequence[ScoreRecord], *, known_stay: bool) -> None:
    """Store the facts that come with some scores.

    Args:
        session: of a writer.
        scores: those without facts are passed over.
        known_stay: whether facts that are here already stay as they are: the scores of somebody else's file must not
            rename a column. What is scored here is described by the metric as it is installed here.
    """
    given = metrics_of(scores)
    known = {
        (row.metric, row.convention_id): row
        for row in session.scalars(sa.select(Metric).where(Metric.metric.in_({metric for metric, _ in given})))
    }
    for key, facts in given.items():
        if key not in known:
            session.add(Metric(metric=key[0], convention_id=key[1], **asdict(facts)))
        elif not known_stay:
            for name, value in asdict(facts).items():
                setattr(known[key], name, value)


def read_metrics(session: Session) -> dict[MetricKey, MetricFacts]:
    """Return the facts of every metric that was ever stored with them."""
    return {(row.metric, row.convention_id): facts_of(row) for row in session.scalars(sa.select(Metric))}
