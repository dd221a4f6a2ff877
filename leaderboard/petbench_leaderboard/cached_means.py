"""Keep the standings true: whenever a run or score changes, work out the means of the runs that make one row.

The arithmetic is the ranking's own, so the order in the database is the order on the page.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.rows import SCORE_COLUMNS, in_batches, run_row, score_row
from petbench_leaderboard.run_groups import REGIONS, pool_runs
from petbench_leaderboard.schema import BoardEntry, Run, Score, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunRow, ScoreRow

BoardKey: TypeAlias = tuple[str, str, str, str, int]
"""Dataset, fingerprint, split, its digest, and the protocol of the scores."""

_POOLS_AT_ONCE = 200


def board_key(run: RunRow, protocol: int) -> BoardKey:
    """Return the board on which a run's scores of a protocol stand."""
    return run.dataset, run.fingerprint, run.split, run.split_digest, protocol


def board_number(session: Session, key: BoardKey) -> int:
    """Return a board's number; make it where it is new, whoever else is making it."""
    names = ("dataset", "fingerprint", "split", "split_digest", "protocol")
    facts = dict(zip(names, key, strict=True))
    query = sa.select(BoardEntry.id).filter_by(**facts)
    found = session.scalar(query)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            return session.scalars(sa.insert(BoardEntry).values(**facts).returning(BoardEntry.id)).one()
    except IntegrityError:
        return session.scalars(query).one()


def refresh(session: Session, pools: Iterable[str]) -> None:
    """Work out the standings of some pools anew from their runs and scores."""
    for some in in_batches(sorted(set(pools)), _POOLS_AT_ONCE):
        _refresh(session, some)


def rebuild(session: Session) -> None:
    """Work out all standings anew, and the pools that they stand for."""
    for run in session.scalars(sa.select(Run).execution_options(yield_per=500)):
        run.pool = run_row(run).pool
    refresh(session, session.scalars(sa.select(Run.pool).distinct()).all())


def _refresh(session: Session, pools: Sequence[str]) -> None:
    session.flush()
    session.execute(sa.delete(Standing).where(Standing.pool.in_(pools)))
    runs = [run_row(run) for run in session.scalars(sa.select(Run).where(Run.pool.in_(pools)).order_by(Run.id))]
    by_id = {run.id: run for run in runs}
    finished = [run.id for run in runs if run.status == "ok"]
    boards: dict[tuple[str, int], list[ScoreRow]] = defaultdict(list)
    for some in in_batches(finished):
        query = sa.select(*SCORE_COLUMNS).where(Score.run_id.in_(some), Score.region.in_(REGIONS))
        for found in session.execute(query).mappings():
            score = score_row(found)
            boards[by_id[score.run_id].pool, score.protocol].append(score)
    numbers: dict[BoardKey, int] = {}
    for run in runs:
        numbers.setdefault(key := board_key(run, run.protocol), board_number(session, key))
    of_pool: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        of_pool[run.pool].append(run)
    values = []
    for (pool, protocol), scores in boards.items():
        key = board_key(of_pool[pool][0], protocol)
        number = numbers.get(key) or numbers.setdefault(key, board_number(session, key))
        values += [row | {"pool": pool, "board_id": number} for row in _standings(of_pool[pool], scores)]
    if values:
        session.execute(sa.insert(Standing), values)
    on_board = {score.run_id for scores in boards.values() for score in scores}
    for truth, ids in ((True, on_board), (False, by_id.keys() - on_board)):
        for some in in_batches(sorted(ids)):
            session.execute(sa.update(Run).where(Run.id.in_(some)).values(on_board=truth))


def _standings(runs: Sequence[RunRow], scores: Sequence[ScoreRow]) -> list[dict[str, object]]:
    """Return the mean of each column of one pool, None where somebody is missing."""
    (pool,) = pool_runs(runs, scores)
    planned = {who for run in runs for who in (run.split_participants or run.test_participants)}
    everyone = sorted(planned | {score.participant for score in scores if score.participant})
    seeds = tuple(sorted({run.seed for run in pool.runs}))
    return [
        {
            "metric": column.metric,
            "region": column.region,
            "convention_id": column.convention_id,
            "method": runs[0].method,
            "higher_is_better": column.higher_is_better,
            "mean": make_cell(by_seed, pool.complete_seeds(column, everyone) or seeds, everyone).mean,
        }
        for column, by_seed in pool.scores.items()
    ]
