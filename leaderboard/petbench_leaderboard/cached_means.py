"""Keep the cached means true: whenever a run or score changes, compute the means of its run group again.

The arithmetic is the ranking's own, so the order in the database is the order on the page.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.rows import SCORE_COLUMNS, in_batches, run_row, score_row
from petbench_leaderboard.run_groups import REGIONS, everyone, group_runs
from petbench_leaderboard.schema import BoardEntry, CachedMean, Run, Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.records import RunRow, ScoreRow

BoardKey: TypeAlias = tuple[str, str, str, str, int]
"""Dataset, fingerprint, split, its digest, and the protocol of the scores."""

_GROUPS_AT_ONCE = 200


def board_key(run: RunRow, protocol: int) -> BoardKey:
    """Return the board that a run's scores of a protocol belong to."""
    return run.dataset, run.fingerprint, run.split, run.split_digest, protocol


def board_number(session: Session, key: BoardKey) -> int:
    """Return a board's number; make it where it is new, even while another process does."""
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


def refresh(session: Session, run_groups: Iterable[str]) -> None:
    """Compute the means of some run groups again from their runs and scores."""
    for some in in_batches(sorted(set(run_groups)), _GROUPS_AT_ONCE):
        _refresh(session, some)


def rebuild(session: Session) -> None:
    """Compute all run groups and their means again."""
    for run in session.scalars(sa.select(Run).execution_options(yield_per=500)):
        run.run_group = run_row(run).run_group
    session.flush()
    refresh(session, session.scalars(sa.select(Run.run_group).distinct()).all())


def _refresh(session: Session, run_groups: Sequence[str]) -> None:
    session.flush()
    session.execute(sa.delete(CachedMean).where(CachedMean.run_group.in_(run_groups)))
    query = sa.select(Run).where(Run.run_group.in_(run_groups)).order_by(Run.id)
    runs = [run_row(run) for run in session.scalars(query)]
    members: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        members[run.run_group].append(run)
    scores = _scores_of(session, runs)
    boards = {group: board_key(members[group[0]][0], group[1]) for group in scores}
    keys = {board_key(run, run.protocol) for run in runs}.union(boards.values())
    numbers = {key: board_number(session, key) for key in sorted(keys)}
    values: list[dict[str, object]] = []
    for group, of_group in scores.items():
        belongs = {"run_group": group[0], "board_id": numbers[boards[group]]}
        values += [mean | belongs for mean in _means(members[group[0]], of_group)]
    if values:
        session.execute(sa.insert(CachedMean), values)
    on_board = {score.run_id for of_group in scores.values() for score in of_group}
    for truth, ids in ((True, on_board), (False, {run.id for run in runs} - on_board)):
        for some in in_batches(sorted(ids)):
            session.execute(sa.update(Run).where(Run.id.in_(some)).values(on_board=truth))


def _scores_of(session: Session, runs: Sequence[RunRow]) -> dict[tuple[str, int], list[ScoreRow]]:
    """Return the scores of the finished runs by run group and protocol."""
    finished = {run.id: run.run_group for run in runs if run.status == "ok"}
    found: dict[tuple[str, int], list[ScoreRow]] = defaultdict(list)
    for some in in_batches(finished):
        query = sa.select(*SCORE_COLUMNS).where(Score.run_id.in_(some), Score.region.in_(REGIONS))
        for columns in session.execute(query).mappings():
            score = score_row(columns)
            found[finished[score.run_id], score.protocol].append(score)
    return found


def _means(runs: Sequence[RunRow], scores: Sequence[ScoreRow]) -> list[dict[str, object]]:
    """Return the mean of each column of one run group, None where a participant is missing."""
    (group,) = group_runs(runs, scores)
    participants = everyone(runs, scores)
    seeds = tuple(sorted({run.seed for run in group.runs}))
    return [
        {
            "metric": column.metric,
            "region": column.region,
            "convention_id": column.convention_id,
            "method": runs[0].method,
            "role": runs[0].role,
            "higher_is_better": column.higher_is_better,
            "mean": make_cell(by_seed, group.complete_seeds(column, participants) or seeds, participants).mean,
        }
        for column, by_seed in group.scores.items()
    ]
