"""Rank what the store holds: boards of rows, best first, with gains over `identity`.

The rules: no participant is ever dropped from a mean. A row that lacks a participant has no mean in that column,
no rank, and says how many it covers, such as `3/4`. References are placed among the methods but take no rank.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.board import DEFAULT_METRIC, IDENTITY_METHOD, Board, Column, Costs, Coverage, Row
from petbench_leaderboard.cached_means import board_key
from petbench_leaderboard.cells import NO_PREDICTABLE, NO_TRUTH, add_gain, add_normalized_score, make_cell
from petbench_leaderboard.records import COST_FIELDS
from petbench_leaderboard.row_selection import board_entries, off_board_runs, select_rows
from petbench_leaderboard.run_groups import REGIONS, RunGroup, everyone, group_runs, unresolved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench_leaderboard.board import Cell
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow, ScoreRow
    from petbench_leaderboard.store import Leaderboard

_UNSCORED_SHOWN = 100


def rank(
    leaderboard: Leaderboard,
    *,
    dataset: str | None = None,
    split: str | None = None,
    metric: str = DEFAULT_METRIC,
    where: str | None = None,
    best: int | None = None,
) -> list[Board]:
    """Return the boards of the leaderboard, one for each dataset, split and protocol, newest protocol first.

    Args:
        leaderboard: where the runs are.
        dataset: only this dataset.
        split: only this split.
        metric: what decides the order.
        where: only rows whose runs fulfil this condition, such as `supervision=unpaired and psnr_body_suv20>30`;
            they are ranked among themselves. The gain is over the board's own `identity`, shown or not.
        best: only so many rows, and references, of a board: of a hundred thousand runs only those are read.

    Raises:
        LeaderboardError: the condition is not understood.
    """
    boards = []
    for entry in board_entries(leaderboard, dataset=dataset, split=split):
        selected = select_rows(leaderboard, entry, metric=metric, where=where, best=best)
        runs = leaderboard.runs(run_groups=selected.read)
        runs = [run for run in runs if board_key(run, entry.protocol) == entry.key]
        finished = [run.id for run in runs if run.status == "ok"]
        scores = leaderboard.scores(finished, regions=REGIONS, protocol=entry.protocol)
        with_score = {score.run_id for score in scores}
        members = [run for run in runs if run.protocol == entry.protocol or run.id in with_score]
        board = _board(entry.key, members, scores, metric)
        off_board = off_board_runs(leaderboard, entry, where=where, limit=_UNSCORED_SHOWN)
        board = replace(
            board,
            rows=tuple(row for row in board.rows if row.run.run_group in selected.shown),
            unscored=unresolved([*members, *off_board], with_score),
            omitted=selected.omitted,
        )
        if board.rows or board.unscored:
            boards.append(board)
    return sorted(boards, key=lambda board: (board.dataset, board.split, -board.protocol, board.fingerprint))


def _board(key: BoardKey, runs: Sequence[RunRow], scores: Sequence[ScoreRow], metric: str) -> Board:
    dataset, fingerprint, split, split_digest, protocol = key
    participants = everyone(runs, scores)
    groups = group_runs(runs, scores)
    columns = sorted({column for group in groups for column in group.scores}, key=_column_order)
    ranked_by = next((column for column in columns if column.metric == metric), None)
    rows = _with_gains([_row(group, columns, ranked_by, participants) for group in groups])
    return Board(
        dataset=dataset,
        fingerprint=fingerprint,
        split=split,
        split_digest=split_digest,
        protocol=protocol,
        participants=participants,
        ranked_by=ranked_by,
        columns=tuple(columns),
        rows=tuple(_in_order(rows, ranked_by)),
        unscored=(),
    )


def _column_order(column: Column) -> tuple[str, str, str]:
    return column.metric, column.region, column.convention_id


def _row(group: RunGroup, columns: Sequence[Column], ranked_by: Column | None, participants: Sequence[str]) -> Row:
    complete = group.complete_seeds(ranked_by, participants)
    seeds = complete or tuple(sorted({run.seed for run in group.runs}))
    used = [run for run in group.runs if run.seed in seeds]
    scored = {
        who
        for by_participant in (group.scores.get(ranked_by, {}) if ranked_by else {}).values()
        for who, score in by_participant.items()
        if score.value is not None
    }
    run = group.runs[-1]
    return Row(
        rank=None,
        run=run,
        run_ids=tuple(run.id for run in used),
        seeds=seeds,
        failed_seeds=group.failed_seeds,
        devices=tuple(sorted({run.device for run in used if run.device})),
        coverage=Coverage(scored=len(scored.intersection(participants)), expected=len(participants)),
        cells={
            c: make_cell(group.scores[c], seeds, participants, all_folds=_has_all_folds(used, participants))
            for c in columns
            if c in group.scores
        },
        costs=_costs(used),
        newest=max(run.created_at for run in group.runs),
    )


def _has_all_folds(runs: Sequence[RunRow], participants: Sequence[str]) -> bool:
    """Return whether the runs of every seed together predict everyone, as far as it was recorded whom they predict."""
    predicted: dict[int, set[str]] = defaultdict(set)
    for run in runs:
        predicted[run.seed].update(run.test_participants)
    return not any(predicted.values()) or all(who.issuperset(participants) for who in predicted.values())


def _costs(runs: Sequence[RunRow]) -> Costs:
    def mean(name: str) -> float | None:
        values = [getattr(run, name) for run in runs]
        return fmean(values) if values and None not in values else None

    if len({run.device for run in runs}) > 1:
        return Costs(images_seen=mean("images_seen"), parameter_count=mean("parameter_count"))
    return Costs(**{name: mean(name) for name in COST_FIELDS})


def _with_gains(rows: Sequence[Row]) -> list[Row]:
    """Compare every row with the newest row of `identity` and the newest of `predictable`."""
    identity = _newest(row for row in rows if row.run.method == IDENTITY_METHOD)
    predictable = _newest(row for row in rows if row.role == "predictable")
    known = {row.run.has_truth for row in rows}
    missing = NO_TRUTH if known == {False} else NO_PREDICTABLE

    def compared(column: Column, cell: Cell) -> Cell:
        zero, one = identity.get(column), predictable.get(column)
        cell = add_gain(cell, zero, column.higher_is_better)
        return add_normalized_score(cell, zero, one, column, missing=missing)

    return [replace(row, cells={column: compared(column, cell) for column, cell in row.cells.items()}) for row in rows]


def _newest(rows: Iterable[Row]) -> Mapping[Column, Cell]:
    """Return the cells of the newest row, of those that cover all participants where there is one."""
    newest = max(rows, key=lambda row: (row.coverage.complete, row.newest), default=None)
    return newest.cells if newest else {}


def _in_order(rows: Iterable[Row], column: Column | None) -> list[Row]:
    """Sort best first and give ranks; equal means share one."""
    sign = -1.0 if column is None or column.higher_is_better is not False else 1.0

    def goodness(row: Row) -> float:
        cell = row.cells.get(column) if column else None
        return math.inf if cell is None or cell.mean is None else sign * cell.mean

    placed = sorted(rows, key=lambda row: (goodness(row), -row.coverage.scored, row.run.method, row.run_ids))
    competing = [goodness(row) for row in placed if row.role == "competitor" and goodness(row) < math.inf]
    return [
        replace(row, rank=1 + competing.index(goodness(row)))
        if row.role == "competitor" and goodness(row) < math.inf
        else row
        for row in placed
    ]
