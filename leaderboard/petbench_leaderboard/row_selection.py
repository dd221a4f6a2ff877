"""Which runs a board must read: of a hundred thousand, those of the best rows and the references.

Order, and which rows compete, come from what is kept beside the runs; every number that is shown is computed again from
the scores.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import sqlalchemy as sa

from petbench_leaderboard.best_rows import best_first, best_of_methods, rows_of_methods, some_rows
from petbench_leaderboard.chosen_rows import chosen_among, chosen_rows
from petbench_leaderboard.errors import UnknownOnLeaderboardError
from petbench_leaderboard.ranked_column import columns_of_metric
from petbench_leaderboard.rows import run_row
from petbench_leaderboard.schema import BoardEntry, BoardRow, Run
from petbench_leaderboard.where import parse
from petbench_leaderboard.where_sql import matching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from petbench_leaderboard.best_rows import BriefRow
    from petbench_leaderboard.board import BestOf, ChosenBy
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.competing import Method
    from petbench_leaderboard.ranked_column import RankedColumn
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

_REFERENCE_ROWS = 40
"""References that are read beside the best rows: many versions of `identity` say no more than the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One board of the leaderboard."""

    id: int
    key: BoardKey

    @property
    def protocol(self) -> int:
        """The version of the rules that the board's scores were computed by."""
        return self.key[4]

    @property
    def task(self) -> str:
        """What the board's runs were asked."""
        return self.key[5]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a board shows.

    Attributes:
        read: run groups to read.
        shown: those of them to show.
        omitted: how many more rows of competing methods there are.
        column: which one ranks; None where nothing was scored by the metric.
        competing: the run groups that compete, and why.
        best_of: what all rows of a method come to, for methods with more than one.
    """

    read: frozenset[str]
    shown: frozenset[str]
    omitted: int
    column: RankedColumn | None
    competing: Mapping[str, ChosenBy]
    best_of: Mapping[Method, BestOf]


def board_entries(
    leaderboard: Leaderboard, *, dataset: str | None, split: str | None, task: str | None = None
) -> list[Entry]:
    """Return the boards of a dataset, split and task, or all.

    Args:
        leaderboard: where they are.
        dataset: its name.
        split: its name.
        task: its id, or its name for every version of it.

    Raises:
        UnknownOnLeaderboardError: no run is of a dataset, split or task of this name.
    """
    with leaderboard.reading() as session:
        boards = list(session.scalars(sa.select(BoardEntry)))
        for kind, wanted, names in (
            ("dataset", dataset, [board.dataset for board in boards]),
            ("split", split, [board.split for board in boards if dataset in (None, board.dataset)]),
            ("task", task, [name for board in boards for name in task_names(board.task)]),
        ):
            if wanted is not None and wanted not in names:
                raise UnknownOnLeaderboardError(f"{kind} on this leaderboard", wanted, set(names))
        return [
            Entry(id=board.id, key=_key(board))
            for board in boards
            if dataset in (None, board.dataset)
            and split in (None, board.split)
            and (task is None or task in task_names(board.task))
        ]


def task_names(task: str) -> tuple[str, str]:
    """Return what a task goes by: its id, `fdg-60-to-120@1`, and its name alone."""
    return task, task.partition("@")[0]


def _key(board: BoardEntry) -> BoardKey:
    return board.dataset, board.fingerprint, board.split, board.split_digest, board.protocol, board.task


def select_rows(
    leaderboard: Leaderboard, entry: Entry, *, metric: str, where: str | None, best: int | None
) -> Selection:
    """Return which run groups of a board to read, which of them to show, and which compete.

    A condition narrows the rows among which one is chosen to compete; what all rows of a method come to is said of the
    whole board.
    """
    with leaderboard.reading() as session:
        methods = rows_of_methods(session, entry.id)
        columns = columns_of_metric(session, entry.id, metric)
        column = columns[0] if columns else None
        references = _references(session, entry)
        if where is None:
            rows = some_rows(session, entry.id, column, best)
            total, competing = sum(methods.values()), chosen_rows(session, entry.id)
            fitting = None
        else:
            query = sa.select(Run.run_group).where(matching(session, parse(where), board=entry.id)).distinct()
            fitting = frozenset(session.scalars(query))
            column, rows = _fitting_rows(session, entry, columns, fitting)
            total, competing = len(rows), chosen_among(session, entry.id, fitting)
        shown = best_first(rows, competing, column)[:best]
        best_of = best_of_methods(session, entry.id, column, {row.of_method for row in shown}, methods)
    needed = references if best is None else references[:_REFERENCE_ROWS]
    groups = [row.run_group for row in shown]
    return Selection(
        read=frozenset((*groups, *needed)),
        shown=frozenset((*groups, *(row for row in needed if fitting is None or row in fitting))),
        omitted=total - len(shown),
        column=column,
        competing=competing,
        best_of=best_of,
    )


def _fitting_rows(
    session: Session, entry: Entry, columns: Sequence[RankedColumn], fitting: frozenset[str]
) -> tuple[RankedColumn | None, list[BriefRow]]:
    """Return the rows that fulfil a condition, and the first of a metric's columns that any of them has."""
    for column in columns:
        rows = [row for row in some_rows(session, entry.id, column, None) if row.run_group in fitting]
        if any(row.mean is not None for row in rows):
            return column, rows
    rows = [row for row in some_rows(session, entry.id, None, None) if row.run_group in fitting]
    return (columns[0] if columns else None), rows


def competing_rows(leaderboard: Leaderboard, entry: Entry) -> dict[str, ChosenBy]:
    """Return the run groups that compete on a whole board, and why."""
    with leaderboard.reading() as session:
        return chosen_rows(session, entry.id)


def off_board_runs(leaderboard: Leaderboard, entry: Entry, *, where: str | None, limit: int) -> list[RunRow]:
    """Return the newest runs of a board without a score that were to have some and have no other run in their place."""
    dataset, fingerprint, split, split_digest, protocol, task = entry.key
    query = sa.select(Run).where(
        Run.on_board.is_(False),
        Run.purpose == "test",
        Run.dataset == dataset,
        Run.split_digest == split_digest,
        Run.fingerprint == fingerprint,
        Run.split == split,
        Run.protocol == protocol,
        Run.task == task,
    )
    with leaderboard.reading() as session:
        if where is not None:
            query = query.where(matching(session, parse(where), board=entry.id))
        found = [run_row(run) for run in session.scalars(query.order_by(Run.id.desc()).limit(limit))]
        groups = {run.run_group for run in found}
        places = sa.select(Run.run_group, Run.seed, Run.fold).where(Run.run_group.in_(groups), Run.on_board.is_(True))
        resolved = {tuple(place) for place in session.execute(places.distinct())}
    return [run for run in found if (run.run_group, run.seed, run.fold) not in resolved]


def _references(session: Session, entry: Entry) -> list[str]:
    """Return the other rows: the newest verified one of every method first, then the second newest, and so on."""
    query = (
        sa.select(BoardRow.method, BoardRow.role, BoardRow.run_group)
        .where(BoardRow.board_id == entry.id, BoardRow.role != "competitor")
        .order_by(BoardRow.trust.desc(), BoardRow.planned_seconds.desc(), BoardRow.run_group)
    )
    of_method: dict[tuple[str, str], list[str]] = defaultdict(list)
    for method, role, run_group in session.execute(query):
        of_method[method, role].append(run_group)
    return [row for rows in zip_longest(*of_method.values()) for row in rows if row is not None]
