"""Read and write one table of scores: those of test participants, or those of validation participants.

Whoever asks names the table, and no query reads both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.metric_table import read_metrics, store_metrics
from petbench_leaderboard.rows import columns_of_scores, in_batches, score_columns, score_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.schema import Run, Score, ValidationScore
    from petbench_leaderboard.score_records import ScoreRecord, ScoreRow

Table: TypeAlias = "type[Score] | type[ValidationScore]"


def replace_scores(
    session: Session, table: Table, run: Run, scores: Iterable[ScoreRecord], protocol: int | None
) -> None:
    """Store a run's scores in place of earlier ones of the same metrics and protocol; the caller refreshes the means.

    Raises:
        LeaderboardError: one score is given twice.
    """
    scores = list(scores)
    keys = {(score.metric, score.convention_id, score.region, score.participant) for score in scores}
    if len(keys) < len(scores):
        raise LeaderboardError(f"run {run.id} was given one score twice: nothing was stored")
    protocol = run.protocol if protocol is None else protocol
    metrics = {score.metric for score in scores}
    same = (table.run_id == run.id) & (table.protocol == protocol) & table.metric.in_(metrics)
    session.execute(sa.delete(table).where(same))
    if scores:
        session.execute(sa.insert(table), [score_columns(score, run.id, protocol) for score in scores])
    store_metrics(session, scores, known_stay=False)


def add_missing_scores(session: Session, table: Table, run_id: int, scores: Sequence[ScoreRow]) -> bool:
    """Store the scores of metrics and protocols that a run has none of; return whether there were any.

    What is shown of a metric that is known here stays as it is.
    """
    query = sa.select(table.protocol, table.metric).where(table.run_id == run_id).distinct()
    known = {(protocol, metric) for protocol, metric in session.execute(query)}
    missing = [score for score in scores if (score.protocol, score.metric) not in known]
    if missing:
        session.execute(sa.insert(table), [score_columns(score, run_id, score.protocol) for score in missing])
        store_metrics(session, missing, known_stay=True)
    return bool(missing)


def read_scores(
    session: Session, table: Table, run_ids: Iterable[int], *conditions: sa.ColumnElement[bool]
) -> Iterator[ScoreRow]:
    """Yield the scores of some runs that fulfil all conditions, in a fixed order."""
    known = read_metrics(session)
    order = (table.run_id, table.protocol, table.metric, table.convention_id, table.region, table.participant)
    columns = columns_of_scores(table)
    for some in in_batches(sorted(set(run_ids))):
        query = sa.select(*columns).where(table.run_id.in_(some), *conditions).order_by(*order)
        for row in session.execute(query).mappings():
            yield score_row(row, known)
