"""Keep the cached means true: whenever a run or score changes, compute the means of its run group again.

The arithmetic is the ranking's own, so the order in the database is the order on the page. Beside the means stands what
decides whether the run group competes.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from petbench_leaderboard.chosen_rows import note_choice
from petbench_leaderboard.records import BOARD_FIELDS
from petbench_leaderboard.rows import in_batches, run_row
from petbench_leaderboard.run_groups import REGIONS, everyone, group_runs
from petbench_leaderboard.schema import BoardEntry, BoardRow, CachedMean, Run, Score
from petbench_leaderboard.score_tables import read_scores
from petbench_leaderboard.validation_scores import refresh_validation_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.competing import Method
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_groups import RunGroup
    from petbench_leaderboard.score_records import ScoreRow

BoardKey: TypeAlias = tuple[str, str, str, str, int, str]
"""The values of `BOARD_FIELDS`."""

_GROUPS_AT_ONCE = 200


def board_key(run: RunRow, protocol: int) -> BoardKey:
    """Return the board that a run's scores of a protocol belong to."""
    return run.dataset, run.fingerprint, run.split, run.split_digest, protocol, run.task


def board_number(session: Session, key: BoardKey) -> int:
    """Return a board's number; make it where it is new, even while another process does."""
    facts = dict(zip(BOARD_FIELDS, key, strict=True))
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
    """Compute the means of some run groups again from their runs and scores, and who competes for their methods."""
    methods: set[tuple[int, Method]] = set()
    for some in in_batches(sorted(set(run_groups)), _GROUPS_AT_ONCE):
        methods |= _refresh(session, some)
    for board_id, method in sorted(methods):
        note_choice(session, board_id, method)


def rebuild(session: Session) -> None:
    """Compute all run groups and their means again."""
    for run in session.scalars(sa.select(Run).execution_options(yield_per=500)):
        run.run_group = run_row(run).run_group
    session.flush()
    refresh(session, session.scalars(sa.select(Run.run_group).distinct()).all())


def _refresh(session: Session, run_groups: Sequence[str]) -> set[tuple[int, Method]]:
    """Compute the means of a few run groups, and return the boards and methods on which their rows may have changed."""
    session.flush()
    methods = _methods_of(session, run_groups)
    for table in (CachedMean, BoardRow):
        session.execute(sa.delete(table).where(table.run_group.in_(run_groups)))
    query = sa.select(Run).where(Run.run_group.in_(run_groups)).order_by(Run.id)
    runs = [run_row(run) for run in session.scalars(query)]
    refresh_validation_means(session, run_groups, runs)
    members: dict[str, list[RunRow]] = defaultdict(list)
    for run in runs:
        members[run.run_group].append(run)
    scores = _scores_of(session, runs)
    boards = {group: board_key(members[group[0]][0], group[1]) for group in scores}
    keys = {board_key(run, run.protocol) for run in runs}.union(boards.values())
    numbers = {key: board_number(session, key) for key in sorted(keys)}
    means, rows = list[dict[str, object]](), list[dict[str, object]]()
    for group, of_group in scores.items():
        (row,) = group_runs(members[group[0]], of_group)
        participants = everyone(members[group[0]], of_group)
        belongs = {"run_group": group[0], "board_id": numbers[boards[group]]}
        means += [mean | belongs for mean in _means(row, participants)]
        rows.append(_facts(row, participants) | belongs)
    if rows:
        session.execute(sa.insert(CachedMean), means)
        session.execute(sa.insert(BoardRow), rows)
    on_board = {score.run_id for of_group in scores.values() for score in of_group}
    for truth, ids in ((True, on_board), (False, {run.id for run in runs} - on_board)):
        for some in in_batches(sorted(ids)):
            session.execute(sa.update(Run).where(Run.id.in_(some)).values(on_board=truth))
    return methods | _methods_of(session, run_groups)


def _methods_of(session: Session, run_groups: Sequence[str]) -> set[tuple[int, Method]]:
    query = sa.select(BoardRow.board_id, BoardRow.method, BoardRow.distribution)
    query = query.where(BoardRow.run_group.in_(run_groups), BoardRow.role == "competitor").distinct()
    return {(board_id, (method, distribution)) for board_id, method, distribution in session.execute(query)}


def _scores_of(session: Session, runs: Sequence[RunRow]) -> dict[tuple[str, int], list[ScoreRow]]:
    """Return the scores of the finished runs by run group and protocol."""
    finished = {run.id: run.run_group for run in runs if run.status == "ok"}
    found: dict[tuple[str, int], list[ScoreRow]] = defaultdict(list)
    for score in read_scores(session, Score, finished, Score.region.in_(REGIONS)):
        found[finished[score.run_id], score.protocol].append(score)
    return found


def _means(group: RunGroup, participants: Sequence[str]) -> list[dict[str, object]]:
    """Return the mean of each column of one run group, None where a participant or a seed is missing."""
    return [
        {
            "metric": column.metric,
            "region": column.region,
            "convention_id": column.convention_id,
            "higher_is_better": column.higher_is_better,
            "mean": group.cell(column, participants).mean,
        }
        for column in group.scores
    ]


def _facts(group: RunGroup, participants: Sequence[str]) -> dict[str, object]:
    """Return what decides whether a run group competes; see `petbench_leaderboard.competing.Candidate`."""
    run = group.runs[-1]
    validated_by, distance = _validation(group)
    return {
        "role": run.role,
        "method": run.method,
        "distribution": run.distribution,
        "trust": min(run.trust for run in group.runs),
        "complete": bool(group.full_seeds(participants)) and not group.failures,
        "planned_seconds": min(run.created_at for run in group.runs).timestamp(),
        "validated_by": validated_by,
        "validation_distance": distance,
    }


def _validation(group: RunGroup) -> tuple[str | None, float | None]:
    """Return by what all runs of a run group were validated, and their mean as a distance; see `Column.distance`."""
    scores = [run.validation_score for run in group.runs if run.validation_score is not None]
    by = {(run.validation_metric, run.validation_convention) for run in group.runs}
    if len(scores) < len(group.runs) or len(by) != 1:
        return None, None
    (metric, convention) = by.pop()
    known = [c for c in group.scores if (c.metric, c.convention_id) == (metric, convention) and c.ranks]
    return f"{metric}, {convention}", known[0].distance(fmean(scores)) if known else None
